package delivery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relaykeep/relay"
)

// Apply goes over to another Plan while mail flows; it is for after Start and
// before Stop. Attempts under way go on to their end, by what they began with.
//
// A lane with Keep goes on as it is but for its Prepare. One that takes the
// place of another takes over who paused it, what its quota has counted, the
// senders that it refuses and its incidents; what had closed it is tried at
// once, for the change may have mended it. Its connections and those of the
// attempts of the other are counted together. A new lane takes over what the
// spool has kept of an earlier one of its name. One that is gone claims nothing
// more; when Apply returns, its Transport may be closed.
//
// On an error, which is the spool's, nothing has changed.
func (s *Scheduler) Apply(ctx context.Context, p Plan) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	before, next := s.course(), newCourse(p)
	var begin, fresh []*lane
	for _, o := range p.Lanes {
		old := before.byName[o.Name]
		if old != nil && o.Keep {
			next.add(old)
			continue
		}
		l := newLane(s, o)
		next.add(l)
		begin = append(begin, l)
		if old == nil {
			fresh = append(fresh, l)
		}
	}
	open, err := s.remembered(ctx, fresh)
	if err != nil {
		return err
	}
	gone := before.without(next)
	for _, l := range gone {
		l.retire()
	}
	s.turnTo(before, next, p, open)
	s.leave(gone, next)
	for _, l := range begin { // all are open before the first claims: see Start
		l.tell(l.up.Load())
	}
	for _, l := range begin {
		l.begin()
	}
	return nil
}

// without gives the lanes that are not of another course.
func (c *course) without(other *course) (gone []*lane) {
	for _, l := range c.lanes {
		if other.byName[l.Name] != l {
			gone = append(gone, l)
		}
	}
	return gone
}

// remembered has lanes that were not there take over what was kept of earlier
// ones, and gives the open incidents that tell of them.
func (s *Scheduler) remembered(ctx context.Context, fresh []*lane) (about []relay.Incident, err error) {
	if len(fresh) == 0 {
		return nil, nil
	}
	open, err := s.Spool.Incidents(ctx, false)
	if err != nil {
		return nil, fmt.Errorf("the incidents: %w", err)
	}
	for _, l := range fresh {
		if err := l.loadKept(ctx); err != nil {
			return nil, err
		}
		for i := range open {
			if open[i].Upstream == l.Name {
				about = append(about, open[i])
			}
		}
	}
	return about, nil
}

// turnTo makes a course that of now. No incident opens or closes meanwhile.
func (s *Scheduler) turnTo(before, next *course, p Plan, open []relay.Incident) {
	s.book.naming.Lock()
	defer s.book.naming.Unlock()
	now := time.Now()
	for i, l := range next.lanes {
		switch old := before.byName[l.Name]; {
		case old == l:
			l.setPrepare(p.Lanes[i].Prepare)
		case old != nil:
			l.succeed(old, now)
		}
	}
	s.now.Store(next)
	for i := range open {
		s.impose(&open[i], now, true)
	}
}

// leave closes the lanes that nobody takes the place of.
func (s *Scheduler) leave(gone []*lane, next *course) {
	for _, l := range gone {
		if next.byName[l.Name] == nil {
			s.Spool.Open(l.Name, false)
		}
	}
}

// begin starts the loop of a lane.
func (l *lane) begin() {
	l.s.loops.Go(func() {
		defer close(l.ended)
		l.loop(l.claims)
	})
}

// retire ends the loop of a lane, and the probe that it may have begun.
// Attempts go on.
func (l *lane) retire() {
	l.halt()
	<-l.ended
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = true
	l.turn()
}

// succeed takes over from a lane of the same name that is retired.
func (l *lane) succeed(old *lane, now time.Time) {
	old.mu.Lock()
	defer old.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	limits := l.breaker.limits
	l.breaker = old.breaker
	l.breaker.limits, l.breaker.row, l.breaker.probing = limits, slices.Clone(old.breaker.row), false
	l.breaker.tryNow()
	l.pausedBy, l.pause, l.away, l.before = old.pausedBy, old.pause, old.away, old.before
	l.suspects = slices.Clone(old.suspects)
	l.incident, l.quotaIncident = old.incident, old.quotaIncident
	if l.Quota != nil && old.Quota != nil {
		_ = l.Quota.Restore(now, old.Quota.State()) // it wrote the state itself
	}
	if state := old.Pace.State(); state != nil {
		_ = l.Pace.Restore(now, state)
	}
	l.shape, l.worked, l.keeps = old.shape, old.worked, l.keeps || old.keeps
	l.senders.takeOver(&old.senders)
	l.elders, old.elders, old.successor = append(old.elders, old), nil, l
	l.wake = old.wake
	l.toldSpool, l.toldUp, l.toldSpent, l.toldGen, l.claimError = old.toldSpool, old.toldUp, old.toldSpent, old.toldGen, old.claimError
	l.turn()
}

// heir is who counts for a lane now: itself, or the one that has taken its
// place; nil for none.
func (l *lane) heir() *lane {
	l.mu.Lock()
	retired := l.retired
	l.mu.Unlock()
	if retired {
		return l.s.lane(l.Name)
	}
	return l
}

// inherited is how many attempts of those that it has taken over from are still
// under way, and how many of their outcomes are being stored. The caller holds
// l.mu.
func (l *lane) inherited() (inFlight, settling int) {
	busy := l.elders[:0]
	for _, e := range l.elders {
		e.mu.Lock()
		f, s := e.inFlight, e.settling
		e.mu.Unlock()
		if f+s > 0 {
			busy = append(busy, e)
		}
		inFlight, settling = inFlight+f, settling+s
	}
	clear(l.elders[len(busy):])
	l.elders = busy
	return inFlight, settling
}
