package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relaykeep/relay"
)

// ErrNoLane is matched by the error of what names an upstream that is not
// configured.
var ErrNoLane = errors.New("no such upstream")

// Pause keeps an upstream from being asked, durably, until Resume; attempts
// under way go on to their end. by says who wants it. Its mail goes to the
// other upstreams of its routes, or waits. The error matches ErrNoLane, or is
// the spool's; nothing has changed then. Who tells of it is the caller.
func (s *Scheduler) Pause(ctx context.Context, lane, by string) error {
	if by == "" {
		by = "an operator"
	}
	return s.setPaused(ctx, lane, by)
}

// Resume ends a Pause. Its errors are those of Pause.
func (s *Scheduler) Resume(ctx context.Context, lane, _ string) error {
	return s.setPaused(ctx, lane, "")
}

func (s *Scheduler) setPaused(ctx context.Context, lane, by string) error {
	s.changing.RLock()
	defer s.changing.RUnlock()
	l := s.lane(lane)
	if l == nil {
		return fmt.Errorf("%w: %q", ErrNoLane, lane)
	}
	l.operating.Lock()
	defer l.operating.Unlock()
	before := l.swapPaused(by)
	if err := l.keep(ctx); err != nil {
		l.swapPaused(before)
		return err
	}
	return nil
}

func (l *lane) swapPaused(by string) (before string) {
	l.mu.Lock()
	before, l.pausedBy = l.pausedBy, by
	l.turn()
	l.mu.Unlock()
	l.rouse()
	return before
}

// Probe tries an upstream now, without mail, paused or not. Where it comes as
// far as what had failed, that opens the lane and closes its incident; where
// it fails nothing changes. The error matches ErrNoLane, or is that of ctx.
func (s *Scheduler) Probe(ctx context.Context, lane string) (relay.Verdict, error) {
	l := s.lane(lane)
	if l == nil {
		return relay.Verdict{}, fmt.Errorf("%w: %q", ErrNoLane, lane)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.claims, cancel)()
	l.mu.Lock()
	gen := l.breaker.gen
	l.mu.Unlock()
	v := s.probe(ctx, l)
	if err := ctx.Err(); err != nil {
		return v, err
	}
	f := foundByProbe(v)
	l.mu.Lock()
	if l.breaker.takeBack(gen, f) {
		l.Pace.RestartSlowly(time.Now())
		l.turn()
	}
	l.mu.Unlock()
	l.rouse()
	return v, nil
}

// resolved takes in that an operator says that the cause of an incident is
// mended: it is tried at once.
func (l *lane) resolved(i relay.Incident) {
	l.mu.Lock()
	switch i.Kind {
	case relay.IncidentUpstream:
		l.incident = 0
		l.breaker.tryNow()
	case relay.IncidentQuota:
		l.quotaIncident = 0
		if isQuota(l.breaker.cause) {
			l.breaker.tryNow()
		}
	}
	l.mu.Unlock()
	l.rouse()
}

// TrySenders lets the next mail of each sender that an upstream refuses through to
// it: somebody is about to have mail sent all the same, and means it.
func (s *Scheduler) TrySenders() {
	now := time.Now()
	for _, l := range s.course().lanes {
		l.senders.tryNow(now)
	}
}
