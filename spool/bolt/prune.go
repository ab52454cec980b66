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

// prune removes what is older than it is to be kept, batch by batch, and what
// came first beyond that while the spool is crowded.
func (s *Store) prune(now time.Time) error {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	s.history.begin()
	for {
		history, kept := now.Add(-s.opt.History), now.Add(-s.opt.KeepFailed)
		if s.space.isCrowded() {
			history, kept = now, now
		}
		more, err := s.pruneBodies(kept)
		if err == nil && !more {
			more, err = s.pruneHistory(history)
		}
		if err == nil && !more {
			var n int
			n, err = s.forgetBatch(now)
			more = n > 0
		}
		if err != nil {
			s.history = historySweep{} // what it was to remove is there still
			return err
		}
		if !more {
			return nil
		}
		select {
		case <-s.closing:
			return nil
		default:
		}
	}
}

// pruneBodies removes some bodies that were kept since before a time; more is
// false where there were none.
func (s *Store) pruneBodies(t time.Time) (more bool, err error) {
	bodies, leased, err := s.leaseOlder(bucketKept, t, pruneBodies)
	if err != nil || len(bodies) == 0 {
		return false, err
	}
	defer s.leases.end(leased)
	return true, s.do(context.Background(), &op{bytes: len(bodies) * 512, run: func(b *batch) error {
		for _, key := range bodies {
			if err := b.dropKept(key); err != nil {
				return err
			}
		}
		return nil
	}})
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
