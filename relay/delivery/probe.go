package delivery

import (
	"context"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream"
)

// try sends one message to see whether the upstream works again, one that has
// not failed there yet if it can, and closes the lane behind it.
func (l *lane) try(due []spool.Delivery, next time.Time, p plan) time.Time {
	if len(due) == 0 {
		return next
	}
	one := max(0, slices.IndexFunc(due, func(d spool.Delivery) bool {
		return !slices.Contains(p.avoid, d.Message.ID)
	}))
	l.mu.Lock()
	l.breaker.probing = true
	l.inFlight++
	l.mu.Unlock()
	l.tell(false)
	for i := range due {
		if i != one {
			l.s.Spool.Release(&due[i])
		}
	}
	l.run(&due[one], p.gen)
	return time.Time{}
}

// probe asks the upstream without mail whether it works again.
func (l *lane) probe(ctx context.Context, gen uint64) {
	v := l.s.probe(ctx, l.Transport)
	if ctx.Err() != nil {
		return
	}
	f := finding{kind: upstreamFails, reached: v.Stage, verdict: v}
	if v.Class == relay.ClassDelivered {
		f.kind = upstreamWorks
		// A probe that all is well with has come as far as a probe can.
		f.reached = max(v.Stage, relay.StageAuth)
	}
	l.mu.Lock()
	l.breaker.record(time.Now(), gen, "", f)
	l.up.Store(l.breaker.state == BreakerClosed)
	l.mu.Unlock()
	l.rouse()
}

// probe asks an upstream whether it works; a panic is a failure.
func (s *Scheduler) probe(ctx context.Context, t upstream.Transport) (v relay.Verdict) {
	defer func() {
		if p := recover(); p != nil {
			text := panicText(p)
			v = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionFailover, Text: text, Free: true}
			s.openIncident(relay.Event{}, incident{key: "probe", detail: text})
		}
	}()
	return t.Probe(ctx)
}

// tell lets the spool and the sink know when the lane opened or closed.
func (l *lane) tell(open bool) {
	if open != l.toldSpool {
		l.toldSpool = open
		l.s.Spool.Open(l.Name, open)
	}
	l.mu.Lock()
	up, cause, disabled := l.breaker.state == BreakerClosed, l.breaker.cause, l.breaker.disabled
	l.mu.Unlock()
	if up == l.toldUp {
		return
	}
	l.toldUp = up
	e := relay.Event{Kind: relay.EventUpstreamDown, At: time.Now(), Upstream: l.Name, Verdict: cause}
	if up {
		e.Kind = relay.EventUpstreamUp
	}
	l.s.Sink.Emit(e)
	switch {
	case !up && disabled:
		l.disabled = true
		e.Kind, e.Detail = relay.EventIncidentOpened, l.Name+" is not used until a probe works: "+reply(cause)
		l.s.Sink.Emit(e)
	case up && l.disabled:
		l.disabled = false
		e.Kind, e.Detail = relay.EventIncidentClosed, l.Name+" works again"
		l.s.Sink.Emit(e)
	}
}
