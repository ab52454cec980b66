package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"relaykeep/relay"
)

// release gives back what a closed incident holds, and returns how many
// recipients. Where no route of today takes some of them, it opens again.
func (s *Scheduler) release(ctx context.Context, i relay.Incident) (int, error) {
	known := i.ClosedBy == byConfiguration || i.ClosedBy == byProbe
	var n, left int
	var err error
	if known {
		n, left, err = s.letGoKnown(ctx, i.Number)
	} else {
		n, left, err = s.letGo(ctx, i.Number, s.requeue)
	}
	if left > 0 {
		i.ClosedAt, i.ClosedBy = time.Time{}, ""
		i.Detail = "mail is held still: no route of today takes it"
		s.raise(&i)
	}
	s.tellReleased(i, n)
	if err == nil && i.Kind == relay.IncidentSender {
		err = s.releaseElsewhere(ctx, i)
	}
	return n, err
}

// releaseElsewhere lets go what other incidents of the sender hold of an incident
// that has closed: the upstream that takes the sender again is another way for it.
func (s *Scheduler) releaseElsewhere(ctx context.Context, closed relay.Incident) error {
	open, err := s.Spool.Incidents(ctx, false)
	for _, i := range open {
		if err == nil && i.Kind == relay.IncidentSender && i.Sender == closed.Sender && i.Held > 0 {
			var n int
			n, _, err = s.letGo(ctx, i.Number, s.requeueElsewhere(i.Upstream))
			s.tellReleased(i, n)
		}
	}
	return err
}

// letGo has requeue decide on each recipient that an incident holds: n go, and
// the others are left.
func (s *Scheduler) letGo(ctx context.Context, number int64, requeue func(relay.Message, relay.Recipient, time.Time) (relay.Recipient, bool)) (n, left int, err error) {
	now := time.Now()
	var stay atomic.Int64
	n, err = s.Spool.ReleaseIncident(ctx, number, func(m relay.Message, r relay.Recipient) relay.Recipient {
		out, ok := requeue(m, r, now)
		if !ok {
			stay.Add(1)
		}
		return out
	})
	left = int(stay.Load())
	return max(0, n-left), left, err
}

// letGoKnown is letGo by requeueKnown. What is in doubt and left comes to be held by
// the incident that says so, however that was which held it.
func (s *Scheduler) letGoKnown(ctx context.Context, number int64) (n, left int, err error) {
	doubts := make(map[string]relay.Incident) // by their causes
	n, left, err = s.letGo(ctx, number, func(m relay.Message, r relay.Recipient, now time.Time) (relay.Recipient, bool) {
		out, ok := s.requeueKnown(m, r, now)
		if !ok && r.InDoubt > 0 {
			_, i := Unbound(r)
			doubts[i.Cause] = i
		}
		return out, ok
	})
	if err != nil || len(doubts) == 0 {
		return n, left, err
	}
	numbers := make(map[string]int64)
	for cause, i := range doubts {
		if other := s.raise(&i); other != 0 && other != number {
			numbers[cause] = other
		}
	}
	if len(numbers) == 0 {
		return n, left, nil
	}
	_, still, err := s.letGo(ctx, number, func(_ relay.Message, r relay.Recipient, _ time.Time) (relay.Recipient, bool) {
		why, i := Unbound(r)
		other, known := numbers[i.Cause]
		if r.InDoubt == 0 || !known {
			return r, false
		}
		r.HoldReason, r.Incident = why, other
		return r, true
	})
	return n, still, err
}

// releaseAll is release in the background, until Stop. What is left then is
// released after the next start.
func (s *Scheduler) releaseAll(i relay.Incident) {
	_, err := s.release(s.claims, i)
	s.failedBy(err)
}

// ReleaseRoutes releases what incidents of the kind route hold and the routes
// of today take, and closes those that hold nothing any more: the route or the
// upstream is there again. What may have been delivered by an upstream that is
// still gone stays held. So it is with what came to be held by one that was
// being closed.
//
// What the incident of a refused sender holds is released where another upstream is
// on its way now, and the incidents of upstreams that are gone close. The error is
// that of ctx or of the spool; the next call goes on.
func (s *Scheduler) ReleaseRoutes(ctx context.Context) error {
	all, err := s.Spool.Incidents(ctx, true)
	if err != nil {
		return err
	}
	for _, i := range all {
		switch {
		case i.Open() && s.isOfGone(i):
			err = s.closeForGone(ctx, i)
		case i.Open() && i.Kind == relay.IncidentSender && i.Held > 0:
			var n int
			n, _, err = s.letGo(ctx, i.Number, s.requeueElsewhere(i.Upstream))
			s.tellReleased(i, n)
		case i.Kind != relay.IncidentRoute:
		case i.Open():
			err = s.releaseRoute(ctx, i)
		case i.Held > 0:
			_, err = s.release(ctx, i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Scheduler) releaseRoute(ctx context.Context, i relay.Incident) error {
	n, left, err := s.letGoKnown(ctx, i.Number)
	if err != nil {
		return err
	}
	if left == 0 {
		if i, err = s.close(ctx, i.Number, byConfiguration); err != nil {
			return err
		}
	}
	s.tellReleased(i, n)
	if i.ClosedAt.IsZero() {
		return nil
	}
	_, err = s.release(ctx, i) // it may have come to hold more meanwhile
	return err
}

// tellReleased tells how many recipients an incident has released, if any.
func (s *Scheduler) tellReleased(i relay.Incident, n int) {
	if n <= 0 {
		return
	}
	s.Sink.Emit(relay.Event{
		Kind: relay.EventReleased, At: time.Now(), Incident: i.Number, From: i.Sender, Upstream: i.Upstream,
		Detail: fmt.Sprintf("released %d recipients", n),
	})
}

// requeue makes r, which was held, due at once by the routes of today. It keeps
// its attempts and its doubts: after a second unknown outcome a third one holds
// it again, and it goes no other way than to the upstream that may have it,
// where that is the policy. ok is false where no route takes it; r stays as it
// is then.
func (s *Scheduler) requeue(m relay.Message, r relay.Recipient, now time.Time) (out relay.Recipient, ok bool) {
	held := r
	defer func() {
		if recover() != nil { // a fault in routing
			out, ok = held, false
		}
	}()
	a, ok := s.assignment(m, r, now)
	if !ok {
		return held, false
	}
	r = follow(r, a, now).to
	if r.State.Finished() || relay.HeldOnPurpose(r.HoldReason) {
		return r, true
	}
	r.State, r.HoldReason, r.Incident, r.NextAttempt = relay.Queued, "", 0, now
	if bound, ok := Bind(r, a, s.course().routes[a.Route].InDoubt); ok && len(bound.Upstreams) > 0 {
		r.Eligible = bound.Upstreams
	}
	return r, true
}

// requeueKnown is requeue where no person decides: what may have been delivered
// by an upstream that is not on its way any more stays held.
func (s *Scheduler) requeueKnown(m relay.Message, r relay.Recipient, now time.Time) (relay.Recipient, bool) {
	if r.InDoubt > 0 {
		a, ok := s.assignment(m, r, now)
		if _, bound := Bind(r, a, s.course().routes[a.Route].InDoubt); !ok || !bound || s.course().stateOf(r.Upstream) == laneGone {
			return r, false
		}
	}
	return s.requeue(m, r, now)
}

// assignment is the way that r has today.
func (s *Scheduler) assignment(m relay.Message, r relay.Recipient, now time.Time) (relay.Assignment, bool) {
	if s.Reassign != nil {
		return s.Reassign(m, r, now)
	}
	route, ok := s.course().routes[r.Route]
	return relay.Assignment{Route: r.Route, Upstreams: route.Upstreams, Priority: r.Priority}, ok
}

// follow gives r the way of an assignment, and does what the route does with
// its mail. When it expires was settled when it was accepted.
func follow(r relay.Recipient, a relay.Assignment, now time.Time) (o outcome) {
	r.Route, r.Priority = a.Route, a.Priority
	if len(a.Upstreams) > 0 {
		r.Eligible, r.Failures = a.Upstreams, 0
	}
	o.to, o.kind, o.detail = a.Act(r, now)
	return o
}

// requeueElsewhere is requeue of what a sender's incident holds and the routes of
// today give another upstream than the one that refuses the sender.
func (s *Scheduler) requeueElsewhere(refuses string) func(relay.Message, relay.Recipient, time.Time) (relay.Recipient, bool) {
	return func(m relay.Message, r relay.Recipient, now time.Time) (relay.Recipient, bool) {
		a, ok := s.assignment(m, r, now)
		c := s.course()
		another := slices.ContainsFunc(a.Upstreams, func(name string) bool {
			l := c.byName[name]
			return name != refuses && l != nil && !l.senders.blocks(c.senderAt(name, m.From))
		})
		if !ok || !another || a.Action != relay.RouteDeliver {
			return r, false
		}
		return s.requeueKnown(m, r, now)
	}
}

// closeForGone closes an incident about an upstream that is not configured any more,
// and releases what it held by the routes of today.
func (s *Scheduler) closeForGone(ctx context.Context, i relay.Incident) error {
	i, err := s.close(ctx, i.Number, byConfiguration)
	if err == nil {
		_, err = s.release(ctx, i)
	}
	return err
}

// isOfGone reports whether an incident is about an upstream itself, or a sender
// there, and that upstream is not configured any more.
func (s *Scheduler) isOfGone(i relay.Incident) bool {
	switch i.Kind {
	case relay.IncidentUpstream, relay.IncidentQuota, relay.IncidentSender, relay.IncidentWarning:
		return i.Upstream != "" && s.lane(i.Upstream) == nil
	}
	return false
}
