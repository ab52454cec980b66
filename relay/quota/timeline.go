package quota

import "time"

// reorder is how far times without a monotonic reading may go back because
// callers read the clock before they took their lock. What goes back further is
// a clock that was put back. A monotonic clock never is, however late a caller
// is with its time.
const reorder = time.Second

// timeline measures how time passes for its owner: never backwards, and by the
// monotonic clock where it can.
type timeline struct{ last time.Time }

// pass is how much time has passed since the last call, at least 0. Afterwards
// last is now, or later where now came in the wrong order: time then stands
// still until it has caught up, for else it would pass twice.
func (t *timeline) pass(now time.Time) time.Duration {
	if t.last.IsZero() {
		t.last = now
		return 0
	}
	passed := now.Sub(t.last) // at most ±292 years
	late := passed < 0 && (passed >= -reorder || monotonic(now) && monotonic(t.last))
	if !late {
		t.last = now
	}
	return max(0, passed)
}

// monotonic reports whether a time has a monotonic reading: Round strips it.
func monotonic(t time.Time) bool { return t != t.Round(0) }
