package bolt

import (
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
	bodies, err := s.olderThan(bucketKept, kept, pruneBodies)
	if err != nil {
		return 0, err
	}
	var messages [][]byte
	if len(bodies) == 0 {
		messages, err = s.olderThan(bucketFinished, history, pruneBatch)
	}
	if err != nil || len(bodies)+len(messages) == 0 {
		return 0, err
	}
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

// olderThan gives the first keys of a time index up to a time.
func (s *Store) olderThan(bucket string, t time.Time, max int) (keys [][]byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucket)).Cursor()
		for k, _ := c.First(); k != nil && len(keys) < max; k, _ = c.Next() {
			if len(k) >= 8 && binary.BigEndian.Uint64(k) > stamp(t) {
				return nil
			}
			keys = append(keys, append([]byte(nil), k...))
		}
		return nil
	})
	return keys, err
}

// dropKept removes a body that was kept.
func (b *batch) dropKept(key []byte) error {
	if _, k, ok := splitTimeKey(key); ok {
		if err := deletePrefix(b.bodies, k[:]); err != nil {
			return err
		}
	}
	return b.kept.Delete(key)
}

// dropFinished removes a finished message, its events, and its body where one
// is kept.
func (b *batch) dropFinished(key []byte) error {
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
