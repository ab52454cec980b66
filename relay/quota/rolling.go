package quota

import (
	"math"
	"time"
)

// grains is how many slices a rolling window is counted in: the one of now and
// those that cover the time Per before it.
const grains = 96

// longest is the longest window, so that no sum of times overflows.
const longest = time.Duration(1 << 62)

// rolling counts one rolling limit in bounded memory.
type rolling struct {
	n     int
	grain time.Duration // the length of a slice; 95 of them are at least Per
	per   time.Duration

	used  int
	head  int           // the slice of now; the one after it is the oldest
	phase time.Duration // how far now is into it: in [0, grain)
	taken [grains]int
}

func newRolling(l Limit) *rolling {
	per := min(l.Per, longest)
	return &rolling{n: l.N, per: per, grain: (per-1)/(grains-1) + 1}
}

// advance forgets what has left the window after a time has passed.
func (r *rolling) advance(passed time.Duration, _ time.Time) {
	shift := passed / r.grain
	if r.phase += passed % r.grain; r.phase >= r.grain {
		r.phase -= r.grain
		shift++
	}
	for range min(shift, grains) {
		r.head = (r.head + 1) % grains
		r.used -= r.taken[r.head]
		r.taken[r.head] = 0
	}
}

func (r *rolling) room() int { return max(0, r.n-r.used) }

// wait is how long until n fit that do not now. More than the limit never fit:
// they are told to wait until as many as do fit may be taken, or for the
// length of the window where those may be taken now.
func (r *rolling) wait(_ time.Time, n int) time.Duration {
	missing := min(n, r.n) - (r.n - r.used)
	if missing <= 0 {
		return r.per
	}
	for i := 1; i <= grains; i++ {
		if missing -= r.taken[(r.head+i)%grains]; missing <= 0 {
			return time.Duration(i)*r.grain - r.phase
		}
	}
	return r.per
}

func (r *rolling) take(n int) {
	n = min(n, math.MaxInt-r.used)
	r.used += n
	r.taken[r.head] += n
}

// giveBack takes n out of the slice that they were counted in, age ago, and
// out of older ones where that one has fewer. Never out of newer ones: that
// would leave what was used counted for too short a time. What has left the
// window is no longer counted, and so not given back.
func (r *rolling) giveBack(_ time.Time, age time.Duration, n int) {
	back := time.Duration(0)
	if age > r.phase {
		back = (age-r.phase-1)/r.grain + 1
	}
	for ; back < grains && n > 0; back++ {
		at := (r.head - int(back) + grains) % grains
		part := min(n, r.taken[at])
		r.taken[at] -= part
		r.used -= part
		n -= part
	}
}

// measured is how many were taken in a second of the recent time: since the
// oldest of what is counted, or in the last second where that is longer.
func (r *rolling) measured() float64 {
	for i := grains - 1; i >= 0; i-- {
		if r.taken[(r.head-i+grains)%grains] > 0 {
			since := time.Duration(i)*r.grain + r.phase
			return float64(r.used) / max(since, time.Second).Seconds()
		}
	}
	return 0
}
