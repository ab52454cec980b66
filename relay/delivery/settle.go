package delivery

import (
	"context"
	"errors"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// settle decides on every recipient and stores it all in one transaction.
func (a *attempt) settle() {
	// One number for all: recipients that are deferred together are due
	// together, in one transaction again.
	random := a.s.Random()
	for place, i := range a.asked {
		a.outcomes[i] = a.decide(place, random)
	}
	a.s.settle(context.Background(), a.d, a.outcomes, telling{
		at: a.ended, upstream: a.lane, attempt: a.d.Attempt, duration: a.ended.Sub(a.started),
	})
}

// decide gives the outcome of the recipient at this place in a.to.
func (a *attempt) decide(place int, random float64) outcome {
	r := a.to[place]
	sc := a.s.sceneOf(a.lane, a.d.Message, r, a.ended, random)
	if a.panicked != "" {
		return broken(r, sc, a.marked != nil && a.marked[place], a.panicked)
	}
	v := a.verdicts[place]
	err := a.bodyError()
	if err == nil || v.Class == relay.ClassDelivered || v.Class == relay.ClassUnknown {
		return decideSafely(r, v, sc)
	}
	r.Upstream, r.Last, r.LastAt = a.lane, v, a.ended
	o := sc.hold(r, "its stored body cannot be read: "+err.Error())
	o.incident = incident{detail: o.detail}
	return o
}

// decideSafely is decide where a panic (in a retry policy) holds r.
func decideSafely(r relay.Recipient, v relay.Verdict, sc scene) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = broken(r, sc, v.Class == relay.ClassUnknown, panicText(p))
		}
	}()
	return decide(r, v, sc)
}

// broken holds a recipient because of a fault of ours; it may be in doubt,
// too.
func broken(r relay.Recipient, sc scene, inDoubt bool, cause string) outcome {
	why := "internal error"
	if inDoubt {
		r.InDoubt++
		why += "; it may have been delivered"
	}
	r.Upstream, r.LastAt = sc.lane, sc.now
	o := sc.hold(r, why)
	o.inDoubt = inDoubt
	o.incident = incident{detail: why + ": " + cause}
	return o
}

// sceneOf gathers what a decision on r depends on.
func (s *Scheduler) sceneOf(lane string, m relay.Message, r relay.Recipient, now time.Time, random float64) scene {
	return scene{
		lane: lane, route: s.Routes[r.Route], received: m.ReceivedAt,
		now: now, random: random, state: s.stateOf,
	}
}

// reassign finds a route of today for a recipient whose own is gone: it is due
// at once for the upstreams there, or held where there is none. When it expires
// was settled when it was accepted.
func (s *Scheduler) reassign(m relay.Message, r relay.Recipient, now time.Time) (o outcome) {
	sc := scene{now: now, state: s.stateOf}
	defer func() {
		if p := recover(); p != nil {
			o = broken(r, sc, false, panicText(p))
		}
		o.idle = true
	}()
	if s.Reassign != nil {
		if a, ok := s.Reassign(m, r, now); ok {
			r.Route, r.Priority = a.Route, a.Priority
			r.Eligible, r.Failures, r.NextAttempt = a.Upstreams, 0, now
			return outcome{to: r}
		}
	}
	o = sc.hold(r, "its route "+r.Route+" is gone and no other matches")
	o.incident = incident{key: "route " + r.Route, detail: "mail is held: its route " + r.Route + " is gone and no other matches"}
	return o
}

// telling is what the events of one settlement have in common.
type telling struct {
	at       time.Time
	upstream string
	attempt  int
	duration time.Duration
}

// settle stores the outcomes for d, which ends its lease, and emits the
// events.
func (s *Scheduler) settle(ctx context.Context, d *spool.Delivery, outcomes []outcome, t telling) {
	st := spool.Settlement{
		Recipients: make([]relay.Recipient, len(outcomes)),
		Events:     make([]relay.Event, 0, len(outcomes)),
	}
	for i := range outcomes {
		st.Recipients[i] = outcomes[i].to
	}
	st.Events = s.events(st.Events, &d.Message, outcomes, t)
	if err := s.Spool.Settle(ctx, d, st); err != nil {
		s.settleFailed(d, err)
		return
	}
	for i := range st.Events {
		s.Sink.Emit(st.Events[i])
	}
}

// settleFailed is left with an outcome that may not be stored. The lease stays,
// so that this process does not send the message again.
func (s *Scheduler) settleFailed(d *spool.Delivery, err error) {
	if errors.Is(err, spool.ErrFailed) || errors.Is(err, spool.ErrClosed) {
		s.fail()
		return
	}
	s.openIncident(relay.Event{Message: d.Message.ID, From: d.Message.From, Upstream: d.Lane},
		incident{detail: "the outcome of an attempt could not be stored, the message waits for a restart: " + err.Error()})
}

// events appends what the outcomes have to tell.
func (s *Scheduler) events(list []relay.Event, m *relay.Message, outcomes []outcome, t telling) []relay.Event {
	lastIncident := ""
	for i := range outcomes {
		o := &outcomes[i]
		if o.kind == "" {
			continue
		}
		e := relay.Event{
			Kind: o.kind, At: t.at,
			Message: m.ID, MessageID: m.MessageID, From: m.From, To: o.to.Address, Size: m.Size,
			Upstream: t.upstream, Attempt: t.attempt, Verdict: o.to.Last, NextAttempt: o.to.NextAttempt,
			Duration: t.duration, Total: t.at.Sub(m.ReceivedAt), Detail: o.detail,
		}
		if o.idle {
			e.Upstream, e.Attempt, e.Duration = o.to.Upstream, 0, 0
		}
		if o.inDoubt {
			doubt := e
			doubt.Kind = relay.EventInDoubt
			list = append(list, doubt)
		}
		list = append(list, e)
		if o.incident.detail != "" && o.incident.detail != lastIncident && s.incidents.isNew(o.incident, m.From) {
			lastIncident = o.incident.detail
			e.Kind, e.Detail = relay.EventIncidentOpened, o.incident.detail
			list = append(list, e)
		}
	}
	return list
}
