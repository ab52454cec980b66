package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Mark records what is about to be sent; see spool.Store.
func (s *Store) Mark(d *spool.Delivery, accepted []int) (wait func() error) {
	o, err := s.markOp(d, accepted)
	if err == nil {
		err = s.submit(context.Background(), o)
	}
	if err != nil {
		return func() error { return err }
	}
	return func() error { return s.wait(context.Background(), o) }
}

func (s *Store) markOp(d *spool.Delivery, accepted []int) (*op, error) {
	k, err := spool.KeyOf(d.Message.ID)
	if err != nil {
		return nil, err
	}
	index := make([]int, 0, len(accepted))
	for _, n := range accepted {
		index = append(index, d.Index[n])
	}
	enc, err := s.codec.EncodeMark(spool.Mark{Lane: d.Lane, At: time.Now(), Index: index})
	if err != nil {
		return nil, err
	}
	key := seqKey(k, d.Lease)
	return &op{bytes: len(enc), run: func(b *batch) error { return b.marks.Put(key, enc) }}, nil
}

// Settle writes the outcome of a delivery; see spool.Store.
func (s *Store) Settle(ctx context.Context, d *spool.Delivery, outcome spool.Settlement) error {
	k, err := spool.KeyOf(d.Message.ID)
	if err != nil {
		return err
	}
	if len(outcome.Recipients) != len(d.Index) {
		return fmt.Errorf("settle %s: %d recipients for a delivery of %d", d.Message.ID, len(outcome.Recipients), len(d.Index))
	}
	return s.do(ctx, &op{bytes: 1024, run: func(b *batch) error { return b.settle(k, d, outcome) }})
}

func (b *batch) settle(k spool.Key, d *spool.Delivery, outcome spool.Settlement) error {
	before, ok, err := b.read(k)
	if err != nil {
		return err
	}
	if err := b.marks.Delete(seqKey(k, d.Lease)); err != nil {
		return err
	}
	b.ended = append(b.ended, d.Lease)
	if !ok {
		return nil // it is gone, and with it what there was to settle
	}
	after := before
	after.Recipients = slices.Clone(before.Recipients)
	for n, i := range d.Index {
		if i >= len(after.Recipients) {
			return fmt.Errorf("settle %s: it has no recipient %d", d.Message.ID, i)
		}
		after.Recipients[i] = outcome.Recipients[n]
	}
	if err := b.putEvents(k, outcome.Events); err != nil {
		return err
	}
	if outcome.LaneState != nil {
		if err := b.putLaneState(d.Lane, outcome.LaneState()); err != nil {
			return err
		}
	}
	return b.replace(k, &before, &after)
}

// loadMarks leases, at Open, what an earlier process was about to send.
func (s *Store) loadMarks(tx *bbolt.Tx) error {
	queue := tx.Bucket([]byte(bucketQueue))
	return tx.Bucket([]byte(bucketMarks)).ForEach(func(k, v []byte) error {
		if len(k) != keyLen+8 {
			return fmt.Errorf("mark %x cannot be read", k)
		}
		key, id := spool.Key(k[:keyLen]), binary.BigEndian.Uint64(k[keyLen:])
		mark, err := s.codec.DecodeMark(v)
		var rec spool.Record
		if raw := queue.Get(key[:]); raw != nil && err == nil {
			rec, err = s.codec.DecodeRecord(raw)
		}
		if err != nil {
			// Nobody will be offered the message, so nothing is sent twice;
			// and it must not keep all others from being sent.
			s.tellUnreadable(key, err)
			return nil
		}
		s.leaseDoubt(key, id, mark, &rec)
		return nil
	})
}

// leaseDoubt leases the recipients of a mark that are unfinished still. A mark
// of which nothing is left is handed out, too, so that settling it removes it.
func (s *Store) leaseDoubt(k spool.Key, id uint64, mark spool.Mark, rec *spool.Record) {
	open := slices.DeleteFunc(mark.Index, func(i int) bool {
		return i < 0 || i >= len(rec.Recipients) || rec.Recipients[i].State != relay.Queued
	})
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	d := delivery(rec, s.leases.take(id, k, rec, open, mark.Lane))
	d.Message.ID = k.ID()
	d.MarkedAt = mark.At
	s.doubts = append(s.doubts, d)
}

// Doubts hands out the deliveries whose outcome nobody knows; see spool.Store.
func (s *Store) Doubts(context.Context) ([]spool.Delivery, error) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	found := s.doubts
	s.doubts = nil
	return found, s.Err()
}
