package delivery

import (
	"context"
	"errors"
	"time"

	"relaykeep/spool"
)

const (
	expireBatch = 256         // messages that are looked for at once
	expireEvery = time.Minute // the longest wait before the next look
)

// expire ends what is past its time, until ctx ends.
func (s *Scheduler) expire(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.owed:
		}
		if s.failed.Load() {
			return
		}
		timer.Reset(s.expireDue(ctx))
	}
}

// expireDue ends one batch and returns how long to wait for the next.
func (s *Scheduler) expireDue(ctx context.Context) time.Duration {
	now := time.Now()
	past, next, err := s.Spool.Expired(ctx, now, expireBatch)
	if err != nil {
		if errors.Is(err, spool.ErrFailed) || errors.Is(err, spool.ErrClosed) {
			s.fail()
		}
		return expireEvery
	}
	together(len(past), func(i int) { s.expireOne(&past[i], now) })
	switch {
	case len(past) == expireBatch:
		return 0
	case next.IsZero():
		return expireEvery
	}
	return min(max(time.Until(next), minDelay), expireEvery)
}

func (s *Scheduler) expireOne(d *spool.Delivery, now time.Time) {
	outcomes := make([]outcome, len(d.Recipients))
	for i, r := range d.Recipients {
		outcomes[i] = overdue(r, now)
	}
	s.settle(context.Background(), d, outcomes, telling{at: now})
}
