package quota

import "time"

// reorder is how far times may go back because callers read the clock before
// they took their lock. What goes back further is a clock that was put back.
const reorder = time.Second

// timeline measures how time passes for its owner: never backwards, and by the
// monotonic clock where it can.
type timeline struct{ last time.Time }

// pass is how much time has passed since the last call, at least 0.
func (t *timeline) pass(now time.Time) time.Duration {
	if t.last.IsZero() {
		t.last = now
		return 0
	}
	passed := now.Sub(t.last) // at most ±292 years
	switch {
	case passed >= 0:
		t.last = now
		return passed
	case passed < -reorder:
		t.last = now
	}
	// A little back: time stands still until it has caught up. Else two callers
	// in the wrong order would make it pass twice.
	return 0
}
