package bolt

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// read gives the record of an unfinished message, which l is a lease on; ok is
// false where there is none. The record shares its lists with the lease.
func (b *batch) read(k spool.Key, l *lease) (rec spool.Record, ok bool, err error) {
	raw := b.queue.Get(k[:])
	if raw == nil {
		return rec, false, nil
	}
	if l.is(raw) {
		return *l.rec, true, nil
	}
	rec, err = b.s.codec.DecodeRecord(raw)
	return rec, err == nil, err
}

// insert writes a new message and its index entries.
func (b *batch) insert(k spool.Key, rec *spool.Record) error {
	enc, err := b.s.codec.EncodeRecord(rec)
	if err != nil {
		return err
	}
	if err := b.queue.Put(k[:], enc); err != nil {
		return err
	}
	b.delta.Add(rec, 1)
	return b.index(k, nil, rec)
}

// insertFinished writes a message of which nothing is left to do.
func (b *batch) insertFinished(k spool.Key, rec *spool.Record) error {
	enc, err := b.s.codec.EncodeRecord(rec)
	if err != nil {
		return err
	}
	if err := b.history.Put(k[:], enc); err != nil {
		return err
	}
	b.delta.Add(rec, 1)
	return nil
}

// replace writes the new value of an unfinished message: in the queue while
// something is left to do, else in the history, without its body or with it
// where that may still be wanted.
func (b *batch) replace(k spool.Key, before, after *spool.Record) error {
	enc, err := b.s.codec.EncodeRecord(after)
	if err != nil {
		return err
	}
	b.delta.Add(before, -1)
	b.delta.Add(after, 1)
	if err := b.index(k, before, after); err != nil {
		return err
	}
	if !after.Finished() {
		return b.queue.Put(k[:], enc)
	}
	return b.finish(k, after, enc)
}

// finish moves a message from the queue to the history.
func (b *batch) finish(k spool.Key, rec *spool.Record, enc []byte) error {
	if err := b.queue.Delete(k[:]); err != nil {
		return err
	}
	if err := b.history.Put(k[:], enc); err != nil {
		return err
	}
	if rec.Failed() && b.s.opt.KeepFailed > 0 {
		return b.kept.Put(timeKey(lastFinished(rec), k), nil)
	}
	return b.deleteBody(k, rec.Message.Size)
}

// lastFinished is when the last recipient of a finished message was.
func lastFinished(rec *spool.Record) (at time.Time) {
	for i := range rec.Recipients {
		if t := rec.Recipients[i].FinishedAt; t.After(at) {
			at = t
		}
	}
	if at.IsZero() {
		return rec.Message.ReceivedAt
	}
	return at
}

// index changes the due and expiry entries of a message from what belongs to
// before (nil for a new one) to what belongs to after.
func (b *batch) index(k spool.Key, before, after *spool.Record) error {
	var old []dueKey
	var err error
	if before != nil {
		if old, err = b.dueKeys(k, before); err != nil {
			return err
		}
	}
	now, err := b.dueKeys(k, after)
	if err != nil {
		return err
	}
	for i := range old {
		if !holds(now, old[i]) {
			if err := b.due.Delete(old[i][:]); err != nil {
				return err
			}
		}
	}
	for i := range now {
		if !holds(old, now[i]) {
			if err := b.due.Put(now[i][:], nil); err != nil {
				return err
			}
		}
	}
	if err := b.indexHeld(k, before, after); err != nil {
		return err
	}
	return b.indexExpiry(k, before, after)
}

// holds reports whether sorted keys contain one.
func holds(keys []dueKey, key dueKey) bool {
	_, found := slices.BinarySearchFunc(keys, key, compareDue)
	return found
}

func compareDue(a, b dueKey) int { return bytes.Compare(a[:], b[:]) }

func (b *batch) indexExpiry(k spool.Key, before, after *spool.Record) error {
	var was, is []byte
	if before != nil {
		if at, ok := before.Timeout(); ok {
			was = timeKey(at, k)
		}
	}
	if at, ok := after.Timeout(); ok {
		is = timeKey(at, k)
	}
	if bytes.Equal(was, is) {
		return nil
	}
	if was != nil {
		if err := b.expiry.Delete(was); err != nil {
			return err
		}
	}
	if is != nil {
		return b.expiry.Put(is, nil)
	}
	return nil
}

// dueKeys gives the entries of a record in the due index, sorted, each once:
// one for every chain, priority and time that its queued recipients have.
func (b *batch) dueKeys(k spool.Key, rec *spool.Record) ([]dueKey, error) {
	var keys []dueKey
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if r.State != relay.Queued {
			continue
		}
		if len(r.Eligible) == 0 {
			return nil, fmt.Errorf("recipient %s is queued for no upstream", r.Address)
		}
		id, err := b.chainID(rec.Table, spool.Chain(r))
		if err != nil {
			return nil, err
		}
		b.touched[id] = true
		key := makeDueKey(id, r.Priority, r.NextAttempt, k)
		if n := len(keys); n == 0 || keys[n-1] != key {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareDue)
	return slices.Compact(keys), nil
}
