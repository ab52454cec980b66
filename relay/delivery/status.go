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
	Connections int // how many attempts may be under way, at this time
	Breaker     BreakerState
	OpenUntil   time.Time     // while the breaker is open: when it will be tried again
	Cause       relay.Verdict // of the breaker's last change; the zero Verdict if there was none
	PausedUntil time.Time     // the upstream wants to be asked less; may be past

	PausedBy string // the operator who has paused it; "" for nobody
	Disabled bool   // for a reason that waiting does not mend
	Spent    bool   // its quota is used up, by our count or its own
	Slow     bool   // it is asked less than it might be

	Rate        float64 // how many a second at most, at this time
	RateLimited bool    // there is such a bound

	QuotaRemaining int       // how much of its quota is left; 0 where Limited is false
	Limited        bool      // there is a quota
	QuotaUntil     time.Time // of a quota that is used up by our count: until when

	Reason   LaneReason // why it is not used; of several the strongest
	Incident int64      // the open incident that tells of it; 0 for none
}

// Paused reports whether an operator has paused the lane.
func (s LaneStatus) Paused() bool { return s.PausedBy != "" }

// LaneReason says why a lane is not used, or less than it might be.
type LaneReason string

// The reasons, the strongest first.
const (
	LanePaused   LaneReason = "paused"
	LaneDisabled LaneReason = "disabled"
	LaneQuota    LaneReason = "quota"
	LaneDown     LaneReason = "down"
	LaneSlow     LaneReason = "slow"
)

// Lanes gives the status of every lane, in the order of the Plan.
func (s *Scheduler) Lanes() []LaneStatus {
	lanes := s.course().lanes
	all, now := make([]LaneStatus, len(lanes)), time.Now()
	for i, l := range lanes {
		all[i] = l.status(now)
	}
	return all
}

func (l *lane) status(now time.Time) LaneStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	inFlight, settling := l.inherited()
	st := LaneStatus{
		Name: l.Name, InFlight: inFlight + l.inFlight, Settling: settling + l.settling, Connections: l.Pace.Connections(now),
		Breaker: l.breaker.state, Cause: l.breaker.cause, PausedUntil: l.pause,
		PausedBy: l.pausedBy, Slow: l.Pace.Slowed() || now.Before(l.pause),
	}
	if st.Breaker == BreakerOpen {
		st.OpenUntil = l.breaker.until
	}
	st.Rate, st.RateLimited = l.Pace.Rate(now)
	if l.spent {
		st.QuotaUntil = l.spentUntil
	}
	down := st.Breaker != BreakerClosed
	st.Disabled = down && l.breaker.disabled
	st.Spent = l.spent || down && isQuota(st.Cause)
	if l.Quota != nil {
		if st.QuotaRemaining, st.Limited = l.Quota.Remaining(now); st.Spent {
			st.QuotaRemaining = 0
		}
	}
	switch {
	case st.Paused():
		st.Reason = LanePaused
	case st.Disabled:
		st.Reason = LaneDisabled
	case st.Spent:
		st.Reason = LaneQuota
	case down:
		st.Reason = LaneDown
	case st.Slow:
		st.Reason = LaneSlow
	}
	if st.Incident = l.incident; st.Incident == 0 {
		st.Incident = l.quotaIncident
	}
	return st
}
