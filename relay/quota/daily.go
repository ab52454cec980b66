package quota

import (
	"math"
	"time"
)

// daily counts one limit from each reset to the next.
type daily struct {
	n          int
	reset      Reset
	start, end time.Time // of the period that now is in

	used   int
	before int // of the period before, for a clock that is put back into it
}

func newDaily(l Limit, now time.Time) *daily {
	d := &daily{n: l.N, reset: *l.Reset}
	d.start, d.end = d.reset.period(now)
	return d
}

// advance begins a new count where a reset has gone by.
func (d *daily) advance(_ time.Duration, now time.Time) {
	switch {
	case !now.Before(d.end):
		d.before, d.used = d.used, 0
	case now.Before(d.start):
		d.used, d.before = plus(d.used, d.before), 0
	default:
		return
	}
	d.start, d.end = d.reset.period(now)
}

func (d *daily) room() int { return max(0, d.n-d.used) }

// wait is how long until the count begins anew.
func (d *daily) wait(now time.Time, _ int) time.Duration { return d.end.Sub(now) }

func (d *daily) take(n int) { d.used = plus(d.used, n) }

// giveBack takes n out of the count of the period that they were taken in.
func (d *daily) giveBack(taken time.Time, _ time.Duration, n int) {
	if taken.Before(d.start) {
		d.before = max(0, d.before-n)
		return
	}
	d.used = max(0, d.used-n)
}

// plus adds what is not negative, and does not wrap.
func plus(a, b int) int { return a + min(b, math.MaxInt-a) }
