package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Verify reads the whole spool and reports everything that does not fit
// together: damaged pages, records that cannot be read, index entries without
// a message or missing ones, wrong counts, bodies that are missing or belong
// to nobody. It takes one consistent view; what is being staged is left out.
// Nothing is committed while it runs: bbolt compares the pages with its list
// of free ones, which is that of the last commit.
func (s *Store) Verify(ctx context.Context) error {
	return s.transaction(!s.opt.ReadOnly, func(tx *bbolt.Tx) error {
		if err := checkPages(tx); err != nil {
			return err
		}
		v := &verifier{s: s, tx: tx, due: make(map[string]bool), expiry: make(map[string]bool), held: make(map[string]uint32), sizes: make(map[spool.Key]int64)}
		v.records(bucketQueue, v.queued)
		v.records(bucketHistory, v.finished)
		v.index(bucketDue, v.due)
		v.index(bucketExpiry, v.expiry)
		v.heldMatch()
		v.keysMatch()
		v.countsMatch()
		v.bodies()
		return errors.Join(v.found...)
	})
}

// verifier collects what is wrong.
type verifier struct {
	s      *Store
	tx     *bbolt.Tx
	counts spool.Counts
	due    map[string]bool // the entries that should be there
	expiry map[string]bool
	held   map[string]uint32   // the entries that should be there
	sizes  map[spool.Key]int64 // of the bodies that should be there
	found  []error
}

func (v *verifier) complain(format string, args ...any) {
	v.found = append(v.found, fmt.Errorf(format, args...))
}

// records decodes every record of a bucket and looks at it.
func (v *verifier) records(bucket string, look func(spool.Key, *spool.Record)) {
	c := v.tx.Bucket([]byte(bucket)).Cursor()
	for k, raw := c.First(); k != nil; k, raw = c.Next() {
		rec, err := v.s.codec.DecodeRecord(raw)
		if err != nil || len(k) != keyLen {
			v.complain("%s: record %x: %v", bucket, k, err)
			continue
		}
		key := spool.Key(k)
		if rec.Message.ID != key.ID() {
			v.complain("%s: record %s calls itself %s", bucket, key.ID(), rec.Message.ID)
		}
		v.counts.Add(&rec, 1)
		look(key, &rec)
	}
}

func (v *verifier) queued(k spool.Key, rec *spool.Record) {
	if rec.Finished() {
		v.complain("queue: %s is finished", k.ID())
	}
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if r.State != relay.Queued {
			continue
		}
		id, ok := v.chain(rec.Table, spool.Chain(r))
		if !ok {
			v.complain("queue: %s waits in a chain that is not written down", k.ID())
			continue
		}
		key := makeDueKey(id, r.Priority, r.NextAttempt, k)
		v.due[string(key[:])] = true
	}
	for n, count := range heldBy(rec) {
		v.held[string(heldKey(n, k))] = count
	}
	if at, ok := rec.Timeout(); ok {
		v.expiry[string(timeKey(at, k))] = true
	}
	v.sizes[k] = rec.Message.Size
}

func (v *verifier) finished(k spool.Key, rec *spool.Record) {
	if !rec.Finished() {
		v.complain("history: %s is not finished", k.ID())
	}
	at := timeKey(lastFinished(rec), k)
	if v.tx.Bucket([]byte(bucketFinished)).Get(at) == nil {
		v.complain("history: %s is missing in the index of finished messages", k.ID())
	}
	if v.tx.Bucket([]byte(bucketKept)).Get(at) != nil {
		v.sizes[k] = rec.Message.Size
	}
}

// chain looks a chain up in the file, not in memory.
func (v *verifier) chain(table, name string) (id uint32, ok bool) {
	want := []byte(table + "\x01" + name)
	c := v.tx.Bucket([]byte(bucketChains)).Cursor()
	for k, val := c.First(); k != nil; k, val = c.Next() {
		if bytes.Equal(val, want) {
			return uint32(k[0])<<24 | uint32(k[1])<<16 | uint32(k[2])<<8 | uint32(k[3]), true
		}
	}
	return 0, false
}

// index compares the entries of an index with those that should be there.
func (v *verifier) index(bucket string, want map[string]bool) {
	c := v.tx.Bucket([]byte(bucket)).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if !want[string(k)] {
			v.complain("%s: entry %x belongs to nothing", bucket, k)
		}
		delete(want, string(k))
	}
	for k := range want {
		v.complain("%s: entry %x is missing", bucket, k)
	}
}

// heldMatch compares the index of what incidents hold with the records.
func (v *verifier) heldMatch() {
	c := v.tx.Bucket([]byte(bucketHeld)).Cursor()
	for k, count := c.First(); k != nil; k, count = c.Next() {
		if want, ok := v.held[string(k)]; !ok || len(count) != 4 || binary.BigEndian.Uint32(count) != want {
			v.complain("held: entry %x is wrong", k)
		}
		delete(v.held, string(k))
	}
	for k := range v.held {
		v.complain("held: entry %x is missing", k)
	}
}

// keysMatch compares the dedupe keys with the index by which they are pruned.
func (v *verifier) keysMatch() {
	entries, forget := v.tx.Bucket([]byte(bucketDedupe)), v.tx.Bucket([]byte(bucketForget))
	c := entries.Cursor()
	for k, raw := c.First(); k != nil; k, raw = c.Next() {
		e, ok := readDedupe(raw)
		if !ok || forget.Get(forgetKey(e.until, k)) == nil {
			v.complain("dedupe: entry %x is wrong, or is never forgotten", k)
		}
	}
	if n, m := forget.Stats().KeyN, entries.Stats().KeyN; n != m {
		v.complain("forget: %d entries for %d keys", n, m)
	}
}

func (v *verifier) countsMatch() {
	var stored spool.Counts
	if b := v.tx.Bucket([]byte(bucketMeta)).Get([]byte(metaCounts)); b != nil {
		var err error
		if stored, err = v.s.codec.DecodeCounts(b); err != nil {
			v.complain("counts: %w", err)
			return
		}
	}
	c := v.counts
	if stored.Messages != c.Messages || stored.History != c.History || stored.BodyBytes != c.BodyBytes || !maps.Equal(stored.By, c.By) {
		v.complain("counts: %+v are written down, %+v are there", stored, c)
	}
}

// bodies compares the stored bytes of each message with its size.
func (v *verifier) bodies() {
	stored := make(map[spool.Key]int64)
	c := v.tx.Bucket([]byte(bucketBodies)).Cursor()
	for k, chunk := c.First(); k != nil; k, chunk = c.Next() {
		stored[spool.Key(k[:keyLen])] += int64(len(chunk))
	}
	staged := v.tx.Bucket([]byte(bucketStaged))
	for k, n := range stored {
		want, ok := v.sizes[k]
		switch {
		case !ok && staged.Get(k[:]) == nil:
			v.complain("bodies: %s belongs to no message", k.ID())
		case ok && n != want:
			v.complain("bodies: %s has %d bytes and should have %d", k.ID(), n, want)
		}
	}
	for k, want := range v.sizes {
		if _, ok := stored[k]; !ok && want > 0 {
			v.complain("bodies: %s is missing", k.ID())
		}
	}
}
