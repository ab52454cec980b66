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
func (s *Store) Mark(d *spool.Delivery, accepted []int, made *relay.Signature) (wait func() error) {
	o, err := s.markOp(d, accepted, made)
	if err == nil {
		err = s.submit(context.Background(), o)
	}
	if err != nil {
		return func() error { return err }
	}
	return func() error { return s.wait(context.Background(), o) }
}

func (s *Store) markOp(d *spool.Delivery, accepted []int, made *relay.Signature) (*op, error) {
	k, err := spool.KeyOf(d.Message.ID)
	if err != nil {
		return nil, err
	}
	index := make([]int, 0, len(accepted))
	for _, n := range accepted {
		index = append(index, d.Index[n])
	}
	enc, err := s.codec.EncodeMark(spool.Mark{Lane: d.Lane, At: time.Now(), Index: index, New: made})
	if err != nil {
		return nil, err
	}
	if made != nil {
		s.leases.mark(d.Lease, made)
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
	bytes := settleBytes
	if outcome.Report != nil {
		bytes += reportBytes
	}
	for i := range outcome.Notices {
		if err := checkNotice(&outcome.Notices[i]); err != nil {
			return fmt.Errorf("settle %s: %w", d.Message.ID, err)
		}
		bytes += len(outcome.Notices[i].Body)
	}
	l := s.leases.get(d.Lease)
	var written []spool.Notice
	err = s.do(ctx, &op{bytes: bytes, run: func(b *batch) (err error) {
		written, err = b.settle(k, d, &l, &outcome)
		return err
	}})
	if err == nil && len(written) > 0 && outcome.Written != nil {
		outcome.Written(written)
	}
	return err
}

// settle writes the outcome of a delivery and gives the notices among it.
func (b *batch) settle(k spool.Key, d *spool.Delivery, l *lease, outcome *spool.Settlement) (written []spool.Notice, err error) {
	before, ok, err := b.read(k, l)
	if err != nil {
		return nil, err
	}
	if err := b.marks.Delete(seqKey(k, d.Lease)); err != nil {
		return nil, err
	}
	b.ended = append(b.ended, d.Lease)
	if !ok {
		return nil, nil // it is gone, and with it what there was to settle
	}
	after := before
	after.Recipients = slices.Clone(before.Recipients)
	for n, i := range d.Index {
		if i >= len(after.Recipients) {
			return nil, fmt.Errorf("settle %s: it has no recipient %d", d.Message.ID, i)
		}
		after.Recipients[i] = outcome.Recipients[n]
	}
	if l.operated {
		after.Table = tableAfter(&before, l.today)
	}
	told := after.Intend(d.Index, outcome, func(i int) bool {
		return l.operated && b.s.leases.join(d.Lease, i, b.ended)
	})
	written = slices.Concat(outcome.Notices, b.report(k, d.Lease, &after, outcome))
	if len(told) > 0 {
		written = append(written, spool.Notice{Told: told})
		if outcome.Report == nil {
			after.OweReport()
		}
	}
	after.Signatures = signatures(&after, l.marked, outcome.Signature)
	if after.Told, err = b.tell(k, before.Told, outcome.Events); err != nil {
		return nil, err
	}
	if outcome.LaneState != nil {
		if err := b.putLaneState(d.Lane, outcome.LaneState()); err != nil {
			return nil, err
		}
	}
	if err := b.replace(k, &before, &after); err != nil {
		return nil, err
	}
	return written, b.putNotices(k, written)
}

// signatures gives those that are kept with a record: none once nothing will be
// sent any more, else those that it has and the new ones.
func signatures(rec *spool.Record, made ...*relay.Signature) []relay.Signature {
	if rec.Finished() {
		return nil
	}
	kept := rec.Signatures
	for _, s := range made {
		if s != nil {
			kept = spool.WithSignature(kept, *s)
		}
	}
	return kept
}

// loadMarks leases, at Open, what an earlier process was about to send.
func (s *Store) loadMarks(tx *bbolt.Tx) error {
	queue := tx.Bucket([]byte(bucketQueue))
	return tx.Bucket([]byte(bucketMarks)).ForEach(func(k, v []byte) error {
		if len(k) != keyLen+8 {
			return fmt.Errorf("mark %x cannot be read", k)
		}
		key, id := spool.Key(k[:keyLen]), binary.BigEndian.Uint64(k[keyLen:])
		var rec spool.Record
		if raw := queue.Get(key[:]); raw != nil {
			var err error
			if rec, err = s.codec.DecodeRecord(raw); err != nil {
				// Nobody will be offered the message, so nothing is sent twice;
				// and it must not keep all others from being sent.
				s.tellUnreadable(key, err)
				return nil
			}
		}
		mark, err := s.codec.DecodeMark(v)
		if err != nil {
			s.tellUnreadable(key, err)
			mark = markOfAll(&rec)
		}
		s.leaseDoubt(key, id, mark, &rec)
		return nil
	})
}

// markOfAll stands for a mark that cannot be read: any recipient may have been
// sent to, by the upstream whose turn it was.
func markOfAll(rec *spool.Record) (m spool.Mark) {
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if m.Lane == "" && r.State == relay.Queued && len(r.Eligible) > 0 {
			m.Lane = r.Eligible[0]
		}
		m.Index = append(m.Index, i)
	}
	return m
}

// leaseDoubt leases the recipients of a mark that are unfinished still. A mark
// of which nothing is left is handed out, too, so that settling it removes it.
func (s *Store) leaseDoubt(k spool.Key, id uint64, mark spool.Mark, rec *spool.Record) {
	open := slices.DeleteFunc(mark.Index, func(i int) bool {
		return i < 0 || i >= len(rec.Recipients) || rec.Recipients[i].State != relay.Queued
	})
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	l := s.leases.take(id, k, rec, open, mark.Lane)
	d := delivery(rec, l)
	d.Message.ID = k.ID()
	d.MarkedAt = mark.At
	if l.marked = mark.New; mark.New != nil {
		d.Signatures = spool.WithSignature(rec.Signatures, *mark.New)
	}
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
