package delivery

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// doubtText is the detail of what an earlier process left behind.
const doubtText = "the process ended after the final dot may have been sent"

// settleDoubts decides on what an earlier process had marked and not settled:
// unknown outcomes, by the same rules as one of today.
func (s *Scheduler) settleDoubts(ctx context.Context) error {
	doubts, err := s.Spool.Doubts(ctx)
	if err != nil {
		return fmt.Errorf("what an earlier process left in doubt: %w", err)
	}
	together(len(doubts), func(i int) { s.settleDoubt(ctx, &doubts[i], time.Now()) })
	err = ctx.Err()
	if s.failed.Load() {
		err = spool.ErrFailed
	}
	if err != nil {
		return fmt.Errorf("what an earlier process left in doubt: %w", err)
	}
	return nil
}

// together calls fn for each index below n, several at once: the store puts
// the settlements that come together into one transaction.
func together(n int, fn func(i int)) {
	const most = 64
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, most) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	all.Wait()
}

func (s *Scheduler) settleDoubt(ctx context.Context, d *spool.Delivery, now time.Time) {
	v := relay.Verdict{
		Class: relay.ClassUnknown, Scope: relay.ScopeUpstream, Action: relay.ActionRetry,
		Stage: relay.StageBody, Text: doubtText, Rule: "restart",
	}
	outcomes, random := make([]outcome, len(d.Recipients)), s.Random()
	for i, r := range d.Recipients {
		outcomes[i] = s.decideDoubt(d, r, v, now, random)
	}
	s.settle(ctx, d, outcomes, telling{at: now, upstream: d.Lane, attempt: d.Attempt})
}

func (s *Scheduler) decideDoubt(d *spool.Delivery, r relay.Recipient, v relay.Verdict, now time.Time, random float64) outcome {
	c := s.course()
	if _, routed := c.routes[r.Route]; !routed {
		o := s.reassign(d.Message, r, now)
		if o.to.State != relay.Queued { // held, or ended by the route of today
			o.to.InDoubt++
			o.inDoubt, o.idle = true, false
			return o
		}
		r = o.to
	}
	o := decideSafely(r, v, c.sceneOf(d.Lane, c.senderAt(d.Lane, d.Message.From), d.Message, r, now, random))
	if o.detail == "" {
		o.detail = doubtText
	}
	return o
}
