package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

// maintain prunes the history and looks after the ballast until the store
// closes.
func (s *Store) maintain() {
	tick := time.NewTicker(pruneInterval)
	defer tick.Stop()
	for {
		if err := s.prune(time.Now()); err != nil && s.Err() == nil {
			s.log.Warn("the history could not be pruned", "error", err.Error())
		}
		select {
		case <-tick.C:
		case <-s.space.crowded:
		case <-s.closing:
			return
		case <-s.failed:
			return
		}
		if !s.space.laid.Load() {
			if err := s.space.restore(); err != nil {
				s.log.Warn("no ballast for a full disk could be laid down", "error", err.Error())
			}
		}
	}
}

// prune removes what is older than it is to be kept, batch by batch, and the
// oldest beyond that while the spool is crowded.
func (s *Store) prune(now time.Time) error {
	for {
		history, kept := now.Add(-s.opt.History), now.Add(-s.opt.KeepFailed)
		if s.space.isCrowded() {
			history, kept = now, now
		}
		n, err := s.pruneBatch(history, kept)
		if err == nil && n == 0 {
			n, err = s.forgetBatch(now)
		}
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-s.closing:
			return nil
		default:
		}
	}
}

// pruneBatch removes bodies that were kept since before one time or, when there
// are none, finished messages from before another, and returns how many it
// touched.
func (s *Store) pruneBatch(history, kept time.Time) (n int, err error) {
	bodies, leased, err := s.leaseOlder(bucketKept, kept, pruneBodies)
	if err != nil {
		return 0, err
	}
	var messages [][]byte
	if len(bodies) == 0 {
		messages, leased, err = s.leaseOlder(bucketFinished, history, pruneBatch)
	}
	if err != nil || len(bodies)+len(messages) == 0 {
		return 0, err
	}
	defer s.leases.end(leased)
	err = s.do(context.Background(), &op{bytes: (len(bodies) + len(messages)) * 512, run: func(b *batch) error {
		for _, key := range bodies {
			if err := b.dropKept(key); err != nil {
				return err
			}
		}
		for _, key := range messages {
			if err := b.dropFinished(key); err != nil {
				return err
			}
		}
		return nil
	}})
	return len(bodies) + len(messages), err
}

// leaseOlder is olderThan for messages, which it leases, so that no operator calls
// one back while it goes; what an operator has at the moment is passed over.
func (s *Store) leaseOlder(bucket string, t time.Time, max int) (keys [][]byte, leased []uint64, err error) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	keys, err = s.olderThan(bucket, t, max, func(key []byte) bool {
		_, k, ok := splitTimeKey(key)
		return ok && len(s.leases.of[k]) > 0
	})
	for _, key := range keys {
		if _, k, ok := splitTimeKey(key); ok {
			leased = append(leased, s.leases.takeWhole(k).id)
		}
	}
	return keys, leased, err
}

// olderThan gives the first keys of a time index up to a time, but for those that
// skip wants left out.
func (s *Store) olderThan(bucket string, t time.Time, max int, skip func(key []byte) bool) (keys [][]byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucket)).Cursor()
		for k, _ := c.First(); k != nil && len(keys) < max; k, _ = c.Next() {
			if len(k) >= 8 && binary.BigEndian.Uint64(k) > stamp(t) {
				return nil
			}
			if !skip(k) {
				keys = append(keys, bytes.Clone(k))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// dropKept removes a body that was kept; one that is kept no more belongs to a
// message that is queued again.
func (b *batch) dropKept(key []byte) error {
	if b.kept.Get(key) == nil {
		return nil
	}
	if _, k, ok := splitTimeKey(key); ok {
		if err := deletePrefix(b.bodies, k[:]); err != nil {
			return err
		}
	}
	return b.kept.Delete(key)
}

// dropFinished removes a finished message, its events, and its body where one
// is kept. One that is finished no more stays.
func (b *batch) dropFinished(key []byte) error {
	if b.finished.Get(key) == nil {
		return nil
	}
	at, k, ok := splitTimeKey(key)
	if !ok {
		return b.finished.Delete(key)
	}
	if raw := b.history.Get(k[:]); raw != nil {
		if rec, err := b.s.codec.DecodeRecord(raw); err == nil {
			b.delta.Add(&rec, -1)
		}
		if err := b.history.Delete(k[:]); err != nil {
			return err
		}
	}
	if err := deletePrefix(b.events, k[:]); err != nil {
		return err
	}
	if kept := timeKey(at, k); b.kept.Get(kept) != nil {
		if err := b.dropKept(kept); err != nil {
			return err
		}
	}
	return b.finished.Delete(key)
}
