package ingress

import "time"

// The floor under which a body is too slow: after slowGrace of waiting in all,
// slowRate bytes must have come for each further second of it.
const (
	slowGrace = 2 * time.Minute
	slowRate  = 512 // bytes per second, on average
)

// pace measures how a client sends a message: the time that we waited for it,
// not that in which it waited for us.
type pace struct {
	waited time.Duration
	bytes  int64
}

// allowance is how long the next read may wait: idle at most, and no longer
// than the floor on the average rate allows.
func (p pace) allowance(idle time.Duration) time.Duration {
	floor := slowGrace + time.Duration(p.bytes/slowRate)*time.Second - p.waited
	return max(min(idle, floor), 0)
}
