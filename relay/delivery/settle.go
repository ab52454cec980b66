package delivery

import (
	"context"
	"slices"
	"sync/atomic"
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
		at: a.ended, upstream: a.l.Name, attempt: a.d.Attempt, duration: a.ended.Sub(a.started),
		state: a.l.settledState, signature: a.made,
	})
}

// decide gives the outcome of the recipient at this place in a.to.
func (a *attempt) decide(place int, random float64) outcome {
	r := a.to[place]
	sc := a.by.sceneOf(a.l.Name, a.sender(), a.d.Message, r, a.ended, random)
	sc.suspect = r.Upstream == a.l.Name && opensAtOnce(r.Last) && a.l.workedSince(r.LastAt)
	sc.blamed = a.isBlamed(place)
	if a.panicked != "" {
		return broken(r, sc, a.marked != nil && a.marked[place], a.panicked)
	}
	v := a.verdicts[place]
	err := a.bodyError()
	if err == nil || v.Class == relay.ClassDelivered || v.Class == relay.ClassUnknown {
		return decideSafely(r, v, sc)
	}
	r.Upstream, r.Last, r.LastAt = a.l.Name, v, a.ended
	o := sc.hold(r, "its stored body cannot be read: "+err.Error())
	o.incident = bodyIncident("mail is held: " + o.detail)
	return o
}

// decideSafely is decide where a panic (in a retry policy) holds r.
func decideSafely(r relay.Recipient, v relay.Verdict, sc scene) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = broken(r, sc, v.Class == relay.ClassUnknown, panicText(p))
		}
	}()
	o = decide(r, v, sc)
	if v.Warn && o.incident == nil {
		o.incident = warnIncident(sc.lane, v)
	}
	return o
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
	o.incident = faultIncident(sc.lane, why, cause)
	return o
}

// sceneOf gathers what a decision on r depends on; sender is whom the upstream
// of the lane gets to see.
func (c *course) sceneOf(lane, sender string, m relay.Message, r relay.Recipient, now time.Time, random float64) scene {
	route := c.routes[r.Route]
	if route.Order != nil {
		route.Upstreams = route.Order(string(m.ID))
	}
	return scene{
		lane: lane, sender: sender, route: route, received: m.ReceivedAt,
		now: now, random: random, state: c.stateOf,
	}
}

// reassign finds a route of today for a recipient whose own is gone: it is due
// at once for the upstreams there, or held where there is none.
func (s *Scheduler) reassign(m relay.Message, r relay.Recipient, now time.Time) (o outcome) {
	sc := scene{sender: m.From, now: now, state: s.course().stateOf}
	defer func() {
		if p := recover(); p != nil {
			o = broken(r, sc, false, panicText(p))
		}
		o.idle = true
	}()
	if s.Reassign != nil {
		if a, ok := s.Reassign(m, r, now); ok {
			a, bound := Bind(r, a, s.course().routes[a.Route].InDoubt)
			if !bound {
				why, i := Unbound(r)
				o = sc.hold(r, why)
				o.incident = &i
				return o
			}
			r.NextAttempt = now
			return follow(r, a, now)
		}
	}
	o = sc.hold(r, "its route "+r.Route+" is gone and no other matches")
	o.incident = routeIncident(r.Route)
	return o
}

// name opens the incidents that the outcomes tell of, or finds them, and has
// them hold what is held.
func (s *Scheduler) name(outcomes []outcome, at time.Time) {
	for i := range outcomes {
		o := &outcomes[i]
		if o.incident == nil {
			continue
		}
		number, opened := s.open(*o.incident, at)
		if opened {
			o.opened = number
		}
		if o.to.State == relay.Held {
			o.to.Incident = number
		}
	}
}

// telling is what the events of one settlement have in common.
type telling struct {
	at       time.Time
	upstream string
	attempt  int
	duration time.Duration
	state    func() []byte // what is to be kept of the lane besides; nil for nothing

	signature *relay.Signature // to be kept; nil for none
}

// settle stores the outcomes for d, which ends its lease, and emits the
// events.
func (s *Scheduler) settle(ctx context.Context, d *spool.Delivery, outcomes []outcome, t telling) {
	naming := slices.ContainsFunc(outcomes, func(o outcome) bool { return o.incident != nil })
	if naming {
		s.book.naming.RLock()
		defer s.book.naming.RUnlock()
	}
	s.name(outcomes, t.at)
	st := spool.Settlement{
		Recipients: make([]relay.Recipient, len(outcomes)),
		Events:     make([]relay.Event, 0, len(outcomes)),
		LaneState:  t.state,
		Signature:  t.signature,
	}
	for i := range outcomes {
		st.Recipients[i] = outcomes[i].to
	}
	intended := s.intend(&st, d, t.at)
	st.Events = s.events(st.Events, &d.Message, outcomes, t)
	var notices []spool.Notice
	s.report(&st, d, t.at)
	st.Notices = s.warnings(d, outcomes, t.at)
	st.Written = func(written []spool.Notice) { notices = written }
	if err := s.Spool.Settle(ctx, d, st); err != nil {
		s.settleFailed(d, err, naming)
		return
	}
	for i := range st.Events {
		s.Sink.Emit(st.Events[i])
	}
	s.emitNotices(notices)
	if intended.Load() { // a bounce that this settlement did not expect is told by expire
		select {
		case s.owed <- struct{}{}:
		default:
		}
	}
}

// intend has the settlement carry out what an operator wants of d, and gives
// whether that was so.
func (s *Scheduler) intend(st *spool.Settlement, d *spool.Delivery, now time.Time) *atomic.Bool {
	intended := new(atomic.Bool)
	if s.Intend != nil {
		st.Intend = func(to []relay.Recipient, wanted []spool.Intent) []relay.Event {
			intended.Store(true)
			return s.Intend(d.Message, to, wanted, now)
		}
	}
	return intended
}

// settleFailed is left with an outcome that may not be stored. The lease stays,
// so that this process does not send the message again. naming says that the
// caller has book.naming.
func (s *Scheduler) settleFailed(d *spool.Delivery, err error, naming bool) {
	if s.failedBy(err) {
		return
	}
	if !naming {
		s.book.naming.RLock()
		defer s.book.naming.RUnlock()
	}
	i := *storeIncident(d.Lane, err)
	number, _ := s.open(i, time.Now())
	s.Sink.Emit(relay.Event{
		Kind: relay.EventIncidentOpened, At: time.Now(), Incident: number, Detail: i.Detail,
		Message: d.Message.ID, From: d.Message.From, Upstream: d.Lane,
	})
}

// events appends what the outcomes have to tell.
func (s *Scheduler) events(list []relay.Event, m *relay.Message, outcomes []outcome, t telling) []relay.Event {
	leads := leading(outcomes, t.attempt)
	for i := range outcomes {
		o := &outcomes[i]
		if o.kind == "" {
			continue
		}
		e := relay.Event{
			Kind: o.kind, At: t.at,
			Message: m.ID, MessageID: m.MessageID, From: m.From, To: o.to.Address, Size: m.Size,
			Upstream: t.upstream, Attempt: t.attempt, Verdict: o.to.Last, NextAttempt: o.to.NextAttempt,
			Duration: t.duration, Total: t.at.Sub(m.ReceivedAt), Detail: o.detail, Incident: o.to.Incident,
			Route: o.to.Route, Leads: i == leads,
		}
		if o.idle {
			e.Upstream, e.Attempt, e.Duration = o.to.Upstream, 0, 0
			if o.kind != relay.EventExpired { // which tells what was said last; here nobody has said anything
				e.Verdict = relay.Verdict{}
			}
		}
		if o.inDoubt {
			doubt := e
			doubt.Kind, doubt.Leads = relay.EventInDoubt, false
			list = append(list, doubt)
		}
		list = append(list, e)
		if o.opened != 0 {
			e.Leads = false
			e.Kind, e.Detail, e.Incident, e.Upstream = relay.EventIncidentOpened, o.incident.Detail, o.opened, o.incident.Upstream
			list = append(list, e)
		}
	}
	return list
}

// leading finds the outcome that came furthest in an attempt, by which it is
// counted; -1 where nothing was attempted.
func leading(outcomes []outcome, attempt int) int {
	lead := -1
	if attempt == 0 {
		return lead
	}
	for i := range outcomes {
		o := &outcomes[i]
		if o.kind != "" && !o.idle && (lead < 0 || o.to.Last.Stage > outcomes[lead].to.Last.Stage) {
			lead = i
		}
	}
	return lead
}
