package delivery

import (
	"context"
	"time"

	"relaykeep/relay"
)

const (
	// tryHeldEvery is how often it is looked whether held mail may be tried.
	tryHeldEvery = time.Minute
	// heldChoice is among how many held messages the one that is tried is drawn.
	heldChoice = 64
)

// tryHeld has mail that the incidents of refused senders hold tried now and then,
// until ctx ends: where no new mail of such a sender comes, nobody else would find
// out that it is taken again.
func (s *Scheduler) tryHeld(ctx context.Context) {
	tick := time.NewTicker(tryHeldEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, l := range s.course().lanes {
			if l.up.Load() {
				s.tryHeldAt(ctx, l)
			}
		}
	}
}

// tryHeldAt lets go one message of each sender whom the upstream of a lane refuses
// and whose cool-down is over.
func (s *Scheduler) tryHeldAt(ctx context.Context, l *lane) {
	now := time.Now()
	for _, from := range l.senders.due(now) {
		number, open := s.book.find(senderCause(l.Name, from))
		if !open {
			continue
		}
		nth := int(s.Random() * heldChoice)
		_, err := s.Spool.ReleaseOne(ctx, number, nth, func(m relay.Message, r relay.Recipient) relay.Recipient {
			if a, ok := s.assignment(m, r, now); !ok || a.Action != relay.RouteDeliver {
				return r // what a route does with its mail it does where that is told
			}
			out, _ := s.requeueKnown(m, r, now)
			return out
		})
		s.failedBy(err)
	}
}
