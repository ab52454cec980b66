package delivery

import (
	"context"
	"errors"
	"sync"
	"time"

	"relaykeep/relay"
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
	s.expireAll(past, now)
	switch {
	case len(past) == expireBatch:
		return 0
	case next.IsZero():
		return expireEvery
	}
	return min(max(time.Until(next), minDelay), expireEvery)
}

// expireAll settles a batch, several at once.
func (s *Scheduler) expireAll(past []spool.Delivery, now time.Time) {
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, together)
	for i := range past {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			s.expireOne(&past[i], now)
		})
	}
}

func (s *Scheduler) expireOne(d *spool.Delivery, now time.Time) {
	outcomes := make([]outcome, len(d.Recipients))
	for i, r := range d.Recipients {
		detail := "its time is over"
		if r.State == relay.Held {
			detail += "; it was held: " + r.HoldReason
		}
		outcomes[i] = finish(r, relay.Expired, relay.EventExpired, detail, scene{now: now})
	}
	s.settle(context.Background(), d, outcomes, telling{at: now, attempt: d.Attempt})
}
