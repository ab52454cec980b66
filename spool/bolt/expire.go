package bolt

import (
	"context"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/spool"
)

// Expired leases what has run out of time; see spool.Store.
func (s *Store) Expired(ctx context.Context, now time.Time, max int) (past []spool.Delivery, next time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	if err := s.Err(); err != nil {
		return nil, time.Time{}, err
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	err = s.view(func(tx *bbolt.Tx) error {
		queue, c := tx.Bucket([]byte(bucketQueue)), tx.Bucket([]byte(bucketExpiry)).Cursor()
		for k, _ := c.First(); k != nil && len(past) < max; k, _ = c.Next() {
			at, key, ok := splitTimeKey(k)
			if !ok {
				continue
			}
			if at.After(now) {
				next = at
				return nil
			}
			if d, ok := s.leaseExpired(queue, key, now); ok {
				past = append(past, d)
			}
		}
		return nil
	})
	if err != nil && len(past) > 0 { // what was leased before the damage ends; the next call tells of it
		return past, now, nil
	}
	return past, next, err
}

// leaseExpired takes the recipients of a message whose time is over or that are
// due for a warning; none of them where only a report is due. ok is false while
// what it would take is being sent.
func (s *Store) leaseExpired(queue *bbolt.Bucket, k spool.Key, now time.Time) (d spool.Delivery, ok bool) {
	raw := queue.Get(k[:])
	if raw == nil {
		return d, false
	}
	rec, err := s.codec.DecodeRecord(raw)
	if err != nil {
		s.tellUnreadable(k, err)
		return d, false
	}
	var index []int
	for i := range rec.Recipients {
		at, runs := spool.Timeout(&rec.Recipients[i])
		if runs && !at.After(now) && !s.leases.covers(k, i) {
			index = append(index, i)
		}
	}
	if len(index) == 0 && (!rec.ReportDue || len(s.leases.of[k]) > 0 || rec.ReportWaits(now)) {
		return d, false
	}
	return delivery(&rec, s.leases.take(0, k, &rec, index, "")), true
}
