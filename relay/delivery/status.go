package delivery

import (
	"time"

	"relaykeep/relay"
)

// LaneStatus is what a lane is doing.
type LaneStatus struct {
	Name        string
	InFlight    int // attempts under way
	Settling    int // outcomes being stored
	Breaker     BreakerState
	OpenUntil   time.Time     // while the breaker is open: when it will be tried again
	Cause       relay.Verdict // of the breaker's last change; the zero Verdict if there was none
	PausedUntil time.Time     // the upstream wants to be asked less; may be past
}

// Lanes gives the status of every lane, in the order of Options.Lanes.
func (s *Scheduler) Lanes() []LaneStatus {
	all := make([]LaneStatus, len(s.lanes))
	for i, l := range s.lanes {
		all[i] = l.status()
	}
	return all
}

func (l *lane) status() LaneStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := LaneStatus{
		Name: l.Name, InFlight: l.inFlight, Settling: l.settling,
		Breaker: l.breaker.state, Cause: l.breaker.cause, PausedUntil: l.pause,
	}
	if st.Breaker == BreakerOpen {
		st.OpenUntil = l.breaker.until
	}
	return st
}
