package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// dedupeEntry is what is remembered under a key.
type dedupeEntry struct {
	until  time.Time
	id     spool.Key
	digest [32]byte
}

const dedupeLen = 8 + keyLen + 32

func (e *dedupeEntry) bytes() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, dedupeLen), stamp(e.until))
	return append(append(b, e.id[:]...), e.digest[:]...)
}

// readDedupe reads what bytes wrote; ok is false where there is nothing.
func readDedupe(b []byte) (e dedupeEntry, ok bool) {
	if len(b) != dedupeLen {
		return e, false
	}
	e.until = fromStamp(binary.BigEndian.Uint64(b))
	copy(e.id[:], b[8:])
	copy(e.digest[:], b[8+keyLen:])
	return e, true
}

// forgetKey orders dedupe keys by the time when they are forgotten.
func forgetKey(until time.Time, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(key)), stamp(until)), key...)
}

// remember writes down that the message k came under a key, and gives the one
// that came before. It declines a duplicate.
func (b *batch) remember(d *spool.Dedupe, k spool.Key, now time.Time) (before relay.ID, err error) {
	entries, forget := b.tx.Bucket([]byte(bucketDedupe)), b.tx.Bucket([]byte(bucketForget))
	old, known := readDedupe(entries.Get(d.Key[:]))
	if known && old.until.After(now) {
		before = old.id.ID()
		if old.digest == d.Digest {
			return before, decline(spool.ErrDuplicate)
		}
	}
	if known {
		if err := forget.Delete(forgetKey(old.until, d.Key[:])); err != nil {
			return before, err
		}
	}
	e := dedupeEntry{until: d.Until, id: k, digest: d.Digest}
	if err := entries.Put(d.Key[:], e.bytes()); err != nil {
		return before, err
	}
	return before, forget.Put(forgetKey(d.Until, d.Key[:]), nil)
}

// forgetBatch forgets keys whose time is over, a bounded number, and returns
// how many.
func (s *Store) forgetBatch(now time.Time) (n int, err error) {
	keys, err := s.olderThan(bucketForget, now, pruneBatch, func([]byte) bool { return false })
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	return len(keys), s.do(context.Background(), &op{bytes: len(keys) * 256, run: func(b *batch) error {
		for _, key := range keys {
			if err := b.forget(key); err != nil {
				return err
			}
		}
		return nil
	}})
}

// forget removes a key, if it was not given a later end since it was looked at.
func (b *batch) forget(key []byte) error {
	entries, forget := b.tx.Bucket([]byte(bucketDedupe)), b.tx.Bucket([]byte(bucketForget))
	if len(key) > 8 {
		e, ok := readDedupe(entries.Get(key[8:]))
		if ok && bytes.Equal(forgetKey(e.until, key[8:]), key) {
			if err := entries.Delete(key[8:]); err != nil {
				return err
			}
		}
	}
	return forget.Delete(key)
}
