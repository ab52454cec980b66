package delivery

import (
	"context"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
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
	now := time.Now()
	if l.take(now, due[one:one+1]) == 0 { // the rate has no room: it comes again
		l.release(due)
		return now.Add(minDelay)
	}
	l.mu.Lock()
	l.breaker.probing = true
	l.inFlight++
	l.mu.Unlock()
	l.tell(false)
	l.release(due[:one])
	l.release(due[one+1:])
	l.run(&due[one], p.gen, now)
	return time.Time{}
}

// probe asks the upstream without mail whether it works again.
func (l *lane) probe(ctx context.Context, gen uint64) {
	v := l.s.probe(ctx, l)
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	now := time.Now()
	if l.breaker.record(now, gen, "", foundByProbe(v)) && l.breaker.state == BreakerClosed {
		l.Pace.RestartSlowly(now)
	}
	l.turn()
	l.mu.Unlock()
	l.rouse()
}

// foundByProbe is what a probe tells about the upstream. One that all is well
// with has come as far as a probe can.
func foundByProbe(v relay.Verdict) finding {
	if v.Class == relay.ClassDelivered {
		return finding{kind: upstreamWorks, reached: max(v.Stage, relay.StageAuth), verdict: v}
	}
	return finding{kind: upstreamFails, reached: v.Stage, verdict: v}
}

// probe asks an upstream whether it works; a panic is a failure.
func (s *Scheduler) probe(ctx context.Context, l *lane) (v relay.Verdict) {
	defer func() {
		if p := recover(); p != nil {
			text := panicText(p)
			v = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionFailover, Text: text, Free: true}
			s.raise(faultIncident(l.Name, "internal error in a probe", text))
		}
	}()
	return l.Transport.Probe(ctx)
}

// tell lets the spool and the sink know when the lane opened or closed.
func (l *lane) tell(open bool) {
	if open != l.toldSpool {
		l.toldSpool = open
		l.s.Spool.Open(l.Name, open)
	}
	l.mu.Lock()
	b := &l.breaker
	up, opened := b.state == BreakerClosed, b.state == BreakerOpen && b.gen != l.toldGen
	cause, disabled, spent, gen := b.cause, b.disabled, l.spent && l.spentLong, b.gen
	l.mu.Unlock()
	if up != l.toldUp {
		l.toldUp = up
		e := relay.Event{Kind: relay.EventUpstreamDown, At: time.Now(), Upstream: l.Name, Verdict: cause}
		if up {
			e.Kind = relay.EventUpstreamUp
		}
		l.s.Sink.Emit(e)
	}
	if opened {
		l.toldGen = gen
		l.tellOpened(cause, disabled)
	}
	if spent && !l.toldSpent {
		l.openOwn(&l.quotaIncident, quotaIncident(l.Name, relay.Verdict{}))
	}
	l.toldSpent = spent
	if up {
		l.closeOwn(&l.incident)
		if !spent {
			l.closeOwn(&l.quotaIncident)
		}
	}
}

// tellOpened opens the incident of a breaker that has opened, where there is
// one to open.
func (l *lane) tellOpened(cause relay.Verdict, disabled bool) {
	switch {
	case isQuota(cause):
		l.openOwn(&l.quotaIncident, quotaIncident(l.Name, cause))
	case disabled:
		l.openOwn(&l.incident, disabledIncident(l.Name, cause))
	default:
		return
	}
	// The cool-down holds over a restart, too; without it the incident alone
	// keeps the lane closed, from the first cool-down on.
	l.s.failedBy(l.keep(context.Background()))
}

// openOwn opens an incident about the lane itself and keeps its number.
func (l *lane) openOwn(number *int64, i *relay.Incident) {
	n := l.s.raise(i)
	l.mu.Lock()
	*number = n
	l.mu.Unlock()
}

// closeOwn closes such an incident, if it is open.
func (l *lane) closeOwn(number *int64) {
	l.mu.Lock()
	n := *number
	*number = 0
	l.mu.Unlock()
	if n != 0 {
		l.s.mended(n)
	}
}
