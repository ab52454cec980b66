package quota

import (
	"math"
	"time"
)

const (
	// together is how long after a slow-down others belong to it: they answer
	// what was under way before it took effect.
	together = 5 * time.Second

	firstStep   = 30 * time.Second // between two steps of recovery
	longestStep = 10 * time.Minute

	measuring  = 10 * time.Second // the time that the recent rate is taken from
	lowestRate = 0.1              // a second: no slow-down goes below it
)

// Pace bounds the connections and the rate of one upstream. It has three
// states, which may overlap:
//
//   - At full pace it allows all connections and the rate of its limit.
//   - Slowed down (Slow), it allows half of both, or less after more slow-downs,
//     and evens the rate out: a number is followed by the pause that it costs.
//     It recovers by one connection and a tenth of the rate a step. A step takes
//     at least 30 seconds, and as many successes as there are connections.
//     Each slow-down on the way doubles that time, up to 10 minutes, until full
//     pace is reached.
//   - Restarted (RestartSlowly), it allows one connection, and doubles that
//     after as many successes, up to what it allowed before.
//
// It is not safe for concurrent use.
type Pace struct {
	time        timeline
	connections int
	limit       *rolling // the rate at full pace; nil: unlimited
	recent      *rolling // what was taken, to measure

	allowed int           // connections, slowed down or not
	restart int           // connections after a restart; 0: not restarted
	rate    float64       // a second, slowed down; 0: as the limit says
	tenth   float64       // what rate gains in a step
	full    float64       // the rate a second at which it is slow no longer
	pause   time.Duration // until what was taken is paid for, slowed down

	since     time.Duration // since the last slow-down that counted
	hold      time.Duration // until the next step of recovery
	step      time.Duration // between steps; 0: at full pace
	successes int           // since the last step
}

// NewPace makes a Pace at full pace. The zero rate is unlimited; a Reset of it
// has no effect. Fewer connections than one count as one.
func NewPace(rate Limit, connections int) *Pace {
	connections = max(1, connections)
	p := &Pace{
		connections: connections,
		allowed:     connections,
		recent:      newRolling(Limit{N: math.MaxInt, Per: measuring}),
		since:       together,
	}
	if rate.limits() {
		p.limit = newRolling(rate)
	}
	return p
}

func (p *Pace) advance(now time.Time) {
	passed := p.time.pass(now)
	if p.limit != nil {
		p.limit.advance(passed, p.time.last)
	}
	p.recent.advance(passed, p.time.last)
	p.pause = max(0, p.pause-passed)
	p.hold = max(0, p.hold-passed)
	p.since = min(p.since+min(passed, together), together)
}

// Connections is how many there may be now, at least 1.
func (p *Pace) Connections(now time.Time) int {
	p.advance(now)
	if p.restart > 0 {
		return min(p.restart, p.allowed)
	}
	return p.allowed
}

// Rate is how many may be taken in a second now; limited is false, and the
// rate 0, where it has no limit.
func (p *Pace) Rate(now time.Time) (perSecond float64, limited bool) {
	p.advance(now)
	switch {
	case p.rate > 0:
		return p.rate, true
	case p.limit != nil:
		return p.limit.rate(), true
	}
	return 0, false
}

// Slowed reports whether a slow-down is not yet made up for. A restart is none.
func (p *Pace) Slowed() bool { return p.step > 0 }

// Delay is how long until n may be sent. Where it is 0, n count as sent now.
// More than the N of the limit are never sent: ask Fits first.
func (p *Pace) Delay(now time.Time, n int) time.Duration {
	p.advance(now)
	n = max(0, n)
	wait := p.pause
	if p.limit != nil && p.limit.room() < n {
		wait = max(wait, p.limit.wait(now, n))
	}
	if wait > 0 {
		return wait
	}
	if p.limit != nil {
		p.limit.take(n)
	}
	p.recent.take(n)
	if p.rate > 0 {
		p.pause = seconds(float64(n) / p.rate)
	}
	return 0
}

// Fits is how many of n may be sent now, from 0 to n. Slowed down, it is no
// more than a second's worth, or 1.
func (p *Pace) Fits(now time.Time, n int) int {
	p.advance(now)
	if p.pause > 0 {
		return 0
	}
	if p.limit != nil {
		n = min(n, p.limit.room())
	}
	if p.rate > 0 && float64(n) > p.rate {
		n = max(1, int(p.rate))
	}
	return max(0, n)
}

// seconds is at most an hour: a batch that was too large for a slow upstream
// does not lock it out.
func seconds(s float64) time.Duration {
	return time.Duration(min(s, time.Hour.Seconds()) * float64(time.Second))
}

func (r *rolling) rate() float64 { return float64(r.n) / r.per.Seconds() }
