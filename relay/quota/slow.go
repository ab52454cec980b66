package quota

import "time"

// Slow halves the connections and the rate, because the upstream says that we
// ask too much of it. A rate without a limit is halved from what was measured
// in the last ten seconds, if anything was. There remain a connection, and a rate of one in ten
// seconds, or an eighth of the limit where that is less.
//
// Recovery begins after least at the earliest, and never before its usual time.
// Slow-downs within five seconds after one that counted only make that later.
func (p *Pace) Slow(now time.Time, least time.Duration) {
	connections := p.Connections(now)
	p.hold = max(p.hold, least)
	if p.since < together {
		return
	}
	p.since, p.successes = 0, 0
	p.allowed, p.restart = max(1, connections/2), 0
	p.slowRate()
	p.step = min(max(firstStep, 2*p.step), longestStep)
	p.hold = max(p.hold, p.step)
}

func (p *Pace) slowRate() {
	lowest := lowestRate
	switch {
	case p.limit != nil:
		lowest = min(lowest, p.limit.rate()/8)
		if p.rate == 0 {
			p.rate, p.full = p.limit.rate(), p.limit.rate()
			p.tenth = p.full / 10
		}
	case p.rate == 0:
		p.rate = p.recent.measured()
		if p.rate == 0 {
			return // nothing was sent: its rate is not what is wrong
		}
		// It is slow no longer at twice of what was too much, which was
		// reached without another slow-down then.
		p.rate = max(p.rate, 2*lowest)
		p.tenth, p.full = p.rate/10, 2*p.rate
	}
	p.rate = max(lowest, p.rate/2)
}

// RestartSlowly begins again with one connection, after an outage.
func (p *Pace) RestartSlowly(now time.Time) {
	p.advance(now)
	p.restart, p.successes = 1, 0
}

// Ok says that n were sent with success. It is what recovery goes on by: a step
// at most for each call, so that neither a large n nor a long time of rest
// makes up for more than one.
func (p *Pace) Ok(now time.Time, n int) {
	connections := p.Connections(now)
	if n <= 0 || p.restart == 0 && p.step == 0 {
		return
	}
	p.successes = plus(p.successes, n)
	if p.successes < connections {
		return
	}
	switch {
	case p.restart > 0:
		p.successes = 0
		if p.restart = 2 * connections; p.restart >= p.allowed {
			p.restart = 0
		}
	case p.hold == 0:
		p.successes = 0
		p.recover()
	}
}

// recover is one step towards full pace.
func (p *Pace) recover() {
	p.hold = p.step
	p.allowed = min(p.allowed+1, p.connections)
	if p.rate > 0 {
		p.rate += p.tenth
		if p.rate > p.full-p.tenth/2 { // tenths do not add up to the whole
			p.rate, p.pause = 0, 0
		}
	}
	if p.rate == 0 && p.allowed == p.connections {
		p.step = 0
	}
}
