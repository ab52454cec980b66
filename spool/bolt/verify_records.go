package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"maps"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// checkRecords compares records, indexes, counts and bodies with each other: for
// each record whether its entries are there, and for each entry whether it
// belongs to a record. So nothing has to be remembered.
func (s *Store) checkRecords(c *checking, tx *bbolt.Tx) error {
	v := &verifier{checking: c, s: s, tx: tx, expected: make(map[string]int64)}
	if !v.loadChains() {
		return nil
	}
	v.records(bucketQueue, v.queued)
	v.records(bucketHistory, v.finished)
	v.entries(bucketDue, v.isDue)
	v.entries(bucketExpiry, v.isExpiring)
	v.entries(bucketHeld, v.isHeld)
	v.keysMatch()
	v.countsMatch()
	v.bodies()
	c.r.Messages, c.r.History = v.counts.Messages, v.counts.History
	return c.ctx.Err()
}

// verifier goes through the records of a spool.
type verifier struct {
	*checking
	s        *Store
	tx       *bbolt.Tx
	chains   map[chainName]uint32
	counts   spool.Counts
	expected map[string]int64 // by index: how many entries it should have
}

// each calls look for each entry of a bucket, until the context ends.
func (v *verifier) each(bucket string, look func(k, value []byte)) {
	c := v.tx.Bucket([]byte(bucket)).Cursor()
	n := 0
	for k, value := c.First(); k != nil; k, value = c.Next() {
		if n++; n%1024 == 0 && v.ctx.Err() != nil {
			return
		}
		look(k, value)
	}
}

func (v *verifier) loadChains() bool {
	v.chains = make(map[chainName]uint32)
	sound := true
	v.each(bucketChains, func(k, value []byte) {
		table, name, ok := bytes.Cut(value, []byte{1})
		if len(k) != 4 || !ok {
			sound = false
			v.r.Complain("chains: entry %x cannot be read", k)
			return
		}
		v.chains[chainName{string(table), string(name)}] = binary.BigEndian.Uint32(k)
	})
	return sound
}

// records decodes every record of a bucket and looks at it.
func (v *verifier) records(bucket string, look func(spool.Key, *spool.Record)) {
	v.each(bucket, func(k, raw []byte) {
		rec, err := v.s.codec.DecodeRecord(raw)
		if err != nil || len(k) != keyLen {
			v.r.Complain("%s: record %x: %v", bucket, k, err)
			return
		}
		key := spool.Key(k)
		if rec.Message.ID != key.ID() {
			v.r.Complain("%s: record %s calls itself %s", bucket, key.ID(), rec.Message.ID)
		}
		for _, enc := range rec.Told {
			if _, err := v.s.codec.DecodeEvent(enc, &rec.Message); err != nil {
				v.r.Complain("%s: %s: %v", bucket, key.ID(), err)
			}
		}
		v.counts.Add(&rec, 1)
		look(key, &rec)
	})
}

// want says that an index should have an entry; what it holds is nil where any
// value will do.
func (v *verifier) want(index string, entry, value []byte) {
	v.expected[index]++
	b := v.tx.Bucket([]byte(index))
	if k, got := b.Cursor().Seek(entry); !bytes.Equal(k, entry) || value != nil && !bytes.Equal(got, value) {
		v.r.Complain("%s: entry %x is missing or wrong", index, entry)
	}
}

func (v *verifier) queued(k spool.Key, rec *spool.Record) {
	if rec.Finished() {
		v.r.Complain("queue: %s is finished", k.ID())
	}
	for key := range v.dueOf(k, rec) {
		v.want(bucketDue, key[:], nil)
	}
	for n, count := range heldBy(rec) {
		v.want(bucketHeld, heldKey(n, k), binary.BigEndian.AppendUint32(nil, count))
	}
	if at, ok := rec.Timeout(); ok {
		v.want(bucketExpiry, timeKey(at, k), nil)
	}
	v.hasBody(k, rec)
}

// dueOf gives the entries of a record in the due index.
func (v *verifier) dueOf(k spool.Key, rec *spool.Record) map[dueKey]bool {
	keys := make(map[dueKey]bool)
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if r.State != relay.Queued {
			continue
		}
		id, ok := v.chains[chainName{rec.Table, spool.Chain(r)}]
		if !ok {
			v.r.Complain("queue: %s waits in a chain that is not written down", k.ID())
			continue
		}
		keys[makeDueKey(id, r.Priority, r.NextAttempt, k)] = true
	}
	return keys
}

func (v *verifier) finished(k spool.Key, rec *spool.Record) {
	if !rec.Finished() {
		v.r.Complain("history: %s is not finished", k.ID())
	}
	if v.keeps(timeKey(lastFinished(rec), k)) {
		v.hasBody(k, rec)
	}
}

// keeps reports whether the body of a finished message is kept.
func (v *verifier) keeps(finished []byte) bool {
	k, _ := v.tx.Bucket([]byte(bucketKept)).Cursor().Seek(finished)
	return bytes.Equal(k, finished)
}

func (v *verifier) hasBody(k spool.Key, rec *spool.Record) {
	first, _ := v.tx.Bucket([]byte(bucketBodies)).Cursor().Seek(k[:])
	if rec.Message.Size > 0 && !bytes.HasPrefix(first, k[:]) {
		v.r.Complain("bodies: %s is missing", k.ID())
	}
}

// entries looks whether an index has no entry that belongs to nothing. That it
// has all that it should is known: so, where it has as many as it should, that
// is all.
func (v *verifier) entries(index string, belongs func(entry []byte) bool) {
	n := int64(0)
	v.each(index, func(_, _ []byte) { n++ })
	if n == v.expected[index] {
		return
	}
	v.each(index, func(entry, _ []byte) {
		if !belongs(entry) {
			v.r.Complain("%s: entry %x belongs to nothing", index, entry)
		}
	})
}

// record gives that of a message in a bucket.
func (v *verifier) record(bucket string, k spool.Key) (rec spool.Record, ok bool) {
	raw := v.tx.Bucket([]byte(bucket)).Get(k[:])
	if raw == nil {
		return rec, false
	}
	rec, err := v.s.codec.DecodeRecord(raw)
	return rec, err == nil
}

func (v *verifier) isDue(entry []byte) bool {
	_, k, ok := splitDueKey(entry)
	if !ok {
		return false
	}
	rec, ok := v.record(bucketQueue, k)
	return ok && v.dueOf(k, &rec)[dueKey(entry)]
}

func (v *verifier) isExpiring(entry []byte) bool {
	_, k, ok := splitTimeKey(entry)
	if !ok {
		return false
	}
	rec, ok := v.record(bucketQueue, k)
	at, runs := rec.Timeout()
	return ok && runs && bytes.Equal(timeKey(at, k), entry)
}

func (v *verifier) isHeld(entry []byte) bool {
	if len(entry) != 8+keyLen {
		return false
	}
	rec, ok := v.record(bucketQueue, spool.Key(entry[8:]))
	return ok && heldBy(&rec)[int64(binary.BigEndian.Uint64(entry))] > 0
}

// keysMatch compares the dedupe keys with the index by which they are pruned.
func (v *verifier) keysMatch() {
	forget := v.tx.Bucket([]byte(bucketForget))
	n, m := 0, 0
	v.each(bucketDedupe, func(k, raw []byte) {
		n++
		e, ok := readDedupe(raw)
		if !ok || forget.Get(forgetKey(e.until, k)) == nil {
			v.r.Complain("dedupe: entry %x is wrong, or is never forgotten", k)
		}
	})
	if v.each(bucketForget, func(_, _ []byte) { m++ }); n != m {
		v.r.Complain("forget: %d entries for %d keys", m, n)
	}
}

func (v *verifier) countsMatch() {
	var stored spool.Counts
	if b := v.tx.Bucket([]byte(bucketMeta)).Get([]byte(metaCounts)); b != nil {
		var err error
		if stored, err = v.s.codec.DecodeCounts(b); err != nil {
			v.r.Complain("counts: %v", err)
			return
		}
	}
	c := v.counts
	if stored.Messages != c.Messages || stored.History != c.History || stored.BodyBytes != c.BodyBytes || !maps.Equal(stored.By, c.By) {
		v.r.Complain("counts: %+v are written down, %+v are there", stored, c)
	}
}

// bodies reads each body and compares it with what its message says.
func (v *verifier) bodies() {
	var of spool.Key
	var length int64
	var sum hash.Hash
	v.each(bucketBodies, func(k, chunk []byte) {
		if len(k) != keyLen+4 {
			v.r.Complain("bodies: entry %x cannot be read", k)
			return
		}
		if key := spool.Key(k[:keyLen]); sum == nil || key != of {
			v.body(of, length, sum)
			of, length, sum = key, 0, sha256.New()
		}
		length += int64(len(chunk))
		sum.Write(chunk)
		v.done += int64(len(chunk))
		v.at(v.done)
	})
	v.body(of, length, sum)
}

// body looks at one body; a nil sum is none.
func (v *verifier) body(k spool.Key, length int64, sum hash.Hash) {
	if sum == nil {
		return
	}
	rec, ok := v.record(bucketQueue, k)
	if !ok {
		if rec, ok = v.record(bucketHistory, k); ok {
			ok = v.keeps(timeKey(lastFinished(&rec), k))
		}
	}
	switch {
	case !ok && v.tx.Bucket([]byte(bucketStaged)).Get(k[:]) != nil:
	case !ok:
		v.r.Complain("bodies: %s belongs to no message", k.ID())
	case length != rec.Message.Size:
		v.r.Complain("bodies: %s has %d bytes and should have %d", k.ID(), length, rec.Message.Size)
	case [32]byte(sum.Sum(nil)) != rec.Message.SHA256:
		v.r.Complain("bodies: %s is damaged, its checksum differs", k.ID())
	default:
		v.r.BodyBytes += length
	}
}
