package quota

import "time"

// Counter counts by several limits at once. It is not safe for concurrent use.
type Counter struct {
	time    timeline
	limits  []Limit
	windows []window      // of limits
	blocked time.Duration // how long from the last time on nothing is given: see Exhaust
}

// window counts one limit. *rolling and *daily are the two kinds.
type window interface {
	// advance brings the count up to now, passed after the time before.
	advance(passed time.Duration, now time.Time)
	// room is how many may be taken.
	room() int
	// wait is how long until n fit, given that they do not now.
	wait(now time.Time, n int) time.Duration
	// take counts n.
	take(n int)
	// giveBack takes n back that were counted at taken, which is age ago.
	giveBack(taken time.Time, age time.Duration, n int)
	// wire and restore keep the window of l over a restart. restore leaves it
	// as it was at the time seen; the window was new.
	wire(l Limit) wireWindow
	restore(w wireWindow, seen time.Time)
}

// NewCounter makes a counter of limits, of which nothing is used. It keeps no
// reference to limits. Without any, everything may be taken.
func NewCounter(limits []Limit, now time.Time) *Counter {
	c := &Counter{}
	for _, l := range limits {
		if !l.limits() {
			continue
		}
		if l.Reset != nil {
			reset := *l.Reset
			l.Reset = &reset
		}
		c.limits = append(c.limits, l)
	}
	c.clear(now)
	return c
}

// clear forgets all that was counted.
func (c *Counter) clear(now time.Time) {
	c.time, c.blocked = timeline{now}, 0
	c.windows = make([]window, len(c.limits))
	for i, l := range c.limits {
		if l.Reset != nil {
			c.windows[i] = newDaily(l, now)
		} else {
			c.windows[i] = newRolling(l)
		}
	}
}

func (c *Counter) advance(now time.Time) {
	passed := c.time.pass(now)
	c.blocked = max(0, c.blocked-passed)
	for _, w := range c.windows {
		w.advance(passed, c.time.last)
	}
}

// Take counts n by all limits, or by none: ok is false where one of them does
// not have room, and wait is then how long until they all may have, above 0.
// More than the N of a limit never fit: ask Fits first, and take that many.
func (c *Counter) Take(now time.Time, n int) (wait time.Duration, ok bool) {
	if wait = c.Wait(now, n); wait > 0 {
		return wait, false
	}
	for _, w := range c.windows {
		w.take(max(0, n))
	}
	return 0, true
}

// Wait is how long until n may be taken, as Take says it; 0 where they may be
// now. It takes nothing.
func (c *Counter) Wait(now time.Time, n int) time.Duration {
	c.advance(now)
	wait := c.blocked
	for _, w := range c.windows {
		if w.room() < n {
			wait = max(wait, w.wait(now, n))
		}
	}
	return wait
}

// Fits is how many of n may be taken now, from 0 to n.
func (c *Counter) Fits(now time.Time, n int) int {
	if left, limited := c.Remaining(now); limited {
		n = min(n, left)
	}
	return max(0, n)
}

// Return gives back n that were taken and not used. taken is the time that Take
// was given: what has left a window since is no longer counted by it, and gives
// no room to others. A time after the last one that the Counter knows is none
// that something was taken at, and gives nothing back.
func (c *Counter) Return(taken time.Time, n int) {
	age := c.time.last.Sub(taken)
	if age < 0 || n <= 0 {
		return
	}
	for _, w := range c.windows {
		w.giveBack(taken, age, n)
	}
}

// Remaining is how many may be taken now. limited is false, and n 0, where
// there is no limit.
func (c *Counter) Remaining(now time.Time) (n int, limited bool) {
	c.advance(now)
	if c.blocked > 0 {
		return 0, true
	}
	for i, w := range c.windows {
		if room := w.room(); i == 0 || room < n {
			n = room
		}
	}
	return n, len(c.windows) > 0
}

// Exhaust lets nothing be taken until a time, because the provider says that
// the quota is used up. The last call counts; a time that is not after now
// ends it. What was counted stays counted.
func (c *Counter) Exhaust(now, until time.Time) {
	c.advance(now)
	c.blocked = max(0, until.Sub(now))
}
