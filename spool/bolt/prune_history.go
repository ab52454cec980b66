package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/spool"
)

// historySweep knows how far the history was looked through for what is to be
// removed. The history lies in the order of receipt, and nothing comes to its
// end before it is received: so a sweep ends where what comes next is too
// young, and what it passes over, since it took its time, is looked at again
// only when some of it may be due. An index by the end would cost each message
// two pages more, or three.
type historySweep struct {
	after []byte    // what is up to this id was looked at; nil: nothing was
	again time.Time // what of it is still there came to its end after this
	fresh bool      // the next look may begin at the start
}

// begin is for the begin of a run, in which nothing is looked at twice.
func (w *historySweep) begin() { w.fresh = true }

// from gives where a look for what ended before t begins.
func (w *historySweep) from(t time.Time) []byte {
	if w.fresh && !t.Before(w.again) {
		w.after, w.again = nil, time.Now() // what is unfinished now ends later
	}
	w.fresh = false
	return w.after
}

// passed notes a message that stays until a time.
func (w *historySweep) passed(until time.Time) {
	if until.Before(w.again) {
		w.again = until
	}
}

// pruneHistory removes some of the messages that came to their end before a
// time; more is false where there are no more.
func (s *Store) pruneHistory(t time.Time) (more bool, err error) {
	keys, more, err := s.ended(t)
	if err == nil && !more && len(keys) == 0 {
		keys, err = s.endedAhead(t)
	}
	if err != nil || len(keys) == 0 {
		return more, err
	}
	keys, leased, err := s.leaseEnded(keys, t)
	if err != nil || len(keys) == 0 {
		return more, err
	}
	defer s.leases.end(leased)
	return true, s.do(context.Background(), &op{bytes: len(keys) * 512, run: func(b *batch) error {
		for _, k := range keys {
			if err := b.dropHistory(k, t); err != nil {
				return err
			}
		}
		return nil
	}})
}

// ended looks at the next messages of the history for those that came to their
// end before a time.
func (s *Store) ended(t time.Time) (keys []spool.Key, more bool, err error) {
	w := &s.history
	after := w.from(t)
	err = s.view(func(tx *bbolt.Tx) error {
		p := seekAfter(tx.Bucket([]byte(bucketHistory)), after)
		for range sweepPage {
			k, raw := p.take()
			switch {
			case k == nil:
				return nil
			case len(keys) == pruneBatch:
				more = true
				return nil
			case len(k) == keyLen && spool.Key(k).Time().After(t):
				return nil
			}
			w.after = bytes.Clone(k)
			if at, ok := s.endOf(k, raw); ok && !at.After(t) {
				keys = append(keys, spool.Key(k))
			} else if ok {
				// Many that took their time end one after the other: they are
				// not looked at in each run.
				w.passed(later(at, t.Add(sweepPause)))
			}
		}
		more = true
		return nil
	})
	return keys, more, err
}

// endedAhead looks for them among messages from the future: those that came
// while the clock was ahead.
func (s *Store) endedAhead(t time.Time) (keys []spool.Key, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		p := seekAfter(tx.Bucket([]byte(bucketHistory)), firstKey(time.Now().Add(time.Minute)))
		for range 16 * sweepPage {
			k, raw := p.take()
			if k == nil || len(keys) == pruneBatch {
				return nil
			}
			if at, ok := s.endOf(k, raw); ok && !at.After(t) {
				keys = append(keys, spool.Key(k))
			}
		}
		return nil
	})
	return keys, err
}

// firstKey is the first that a message of this time can have.
func firstKey(t time.Time) []byte {
	ms := binary.BigEndian.AppendUint64(nil, uint64(t.UnixMilli()))
	return append(ms[2:], make([]byte, keyLen-6)...)
}

// endOf is when a message of the history came to its end; ok is false for one
// that cannot be read, which is left alone.
func (s *Store) endOf(k, raw []byte) (at time.Time, ok bool) {
	if len(k) != keyLen {
		return at, false
	}
	rec, err := s.codec.DecodeRecord(raw)
	if err != nil {
		s.tellUnreadable(spool.Key(k), err)
		return at, false
	}
	return lastFinished(&rec), true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// leaseEnded leases those that are in the history still, so that no operator
// calls one back while it goes; what an operator has at the moment is passed
// over, until the next run.
func (s *Store) leaseEnded(keys []spool.Key, t time.Time) (ended []spool.Key, leased []uint64, err error) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	err = s.view(func(tx *bbolt.Tx) error {
		history := tx.Bucket([]byte(bucketHistory))
		for _, k := range keys {
			switch {
			case len(s.leases.of[k]) > 0:
				s.history.passed(t)
			case history.Get(k[:]) != nil:
				ended, leased = append(ended, k), append(leased, s.leases.takeWhole(k).id)
			}
		}
		return nil
	})
	if err != nil {
		s.leases.drop(leased)
		return nil, nil, err
	}
	return ended, leased, nil
}

// dropHistory removes a finished message, its events, and its body where one is
// kept. One that came to its end anew stays.
func (b *batch) dropHistory(k spool.Key, t time.Time) error {
	raw := b.history.Get(k[:])
	if raw == nil {
		return nil
	}
	rec, err := b.s.codec.DecodeRecord(raw)
	at := lastFinished(&rec)
	if err != nil || at.After(t) {
		return nil
	}
	b.delta.Add(&rec, -1)
	if err := b.history.Delete(k[:]); err != nil {
		return err
	}
	if err := deletePrefix(b.events, k[:]); err != nil {
		return err
	}
	return b.dropKept(timeKey(at, k))
}
