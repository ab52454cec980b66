package delivery

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"relaykeep/relay"
	"relaykeep/spool"
)

// together is how many settlements without an attempt are under way at once:
// the store puts what comes together into one transaction.
const together = 64

// doubtText is the detail of what an earlier process left behind.
const doubtText = "the process ended after the final dot may have been sent"

// settleDoubts decides on what an earlier process had marked and not settled:
// unknown outcomes, by the same rules as one of today.
func (s *Scheduler) settleDoubts(ctx context.Context) error {
	doubts, err := s.Spool.Doubts(ctx)
	if err != nil {
		return fmt.Errorf("what an earlier process left in doubt: %w", err)
	}
	var g errgroup.Group
	g.SetLimit(together)
	for i := range doubts {
		g.Go(func() error {
			s.settleDoubt(&doubts[i], time.Now())
			return nil
		})
	}
	return g.Wait()
}

func (s *Scheduler) settleDoubt(d *spool.Delivery, now time.Time) {
	v := relay.Verdict{
		Class: relay.ClassUnknown, Scope: relay.ScopeUpstream, Action: relay.ActionRetry,
		Stage: relay.StageBody, Text: doubtText, Rule: "restart",
	}
	outcomes := make([]outcome, len(d.Recipients))
	for i, r := range d.Recipients {
		outcomes[i] = s.decideDoubt(d, r, v, now)
	}
	s.settle(context.Background(), d, outcomes, telling{at: now, upstream: d.Lane, attempt: d.Attempt})
}

func (s *Scheduler) decideDoubt(d *spool.Delivery, r relay.Recipient, v relay.Verdict, now time.Time) outcome {
	if _, routed := s.Routes[r.Route]; !routed {
		o := s.reassign(d.Message, r, now)
		if o.to.State == relay.Held {
			o.to.InDoubt++
			o.inDoubt = true
			return o
		}
		r = o.to
	}
	o := decide(r, v, s.sceneOf(d.Lane, d.Message, r, now))
	if o.detail == "" {
		o.detail = doubtText
	}
	return o
}
