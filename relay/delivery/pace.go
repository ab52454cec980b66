package delivery

import "time"

const (
	// paceStep is how long an upstream that asked us to slow down must do
	// well before it is asked a step more.
	paceStep = 30 * time.Second

	// The gap between attempts where one connection is still too much.
	firstGap = time.Second
	maxGap   = time.Minute
)

// pace says how hard an upstream may be asked. It is a state machine without a
// clock or a lock of its own.
type pace struct {
	most  int // connections, when all is well
	bound int // connections now, from 1 to most

	// gap is the least time from the start of one attempt to the next, 0
	// unless one connection is too much.
	gap time.Duration

	recovering bool // from an outage: each success is a step
	slowed     time.Time
	step       time.Time // no step before
}

func newPace(most int) pace { return pace{most: most, bound: most} }

// slow asks less: half the connections; where one is still too much soon after,
// half the rate. What the connections say at the same time is one wish.
func (p *pace) slow(now time.Time) {
	p.step, p.recovering = now.Add(paceStep), false
	if !p.slowed.IsZero() && now.Before(p.slowed.Add(slowDelay)) {
		return
	}
	again := !p.slowed.IsZero() && now.Before(p.slowed.Add(2*paceStep))
	p.slowed = now
	switch {
	case p.bound > 1:
		p.bound /= 2
	case again:
		p.gap = min(max(2*p.gap, firstGap), maxGap)
	}
}

// restart begins again after an outage: with one connection, and with one more
// for each message that is taken, which doubles them from one round to the
// next. What has piled up meanwhile does not come as a storm.
func (p *pace) restart() { p.bound, p.recovering = 1, p.most > 1 }

// success notes a message that was taken.
func (p *pace) success(now time.Time) {
	switch {
	case p.recovering:
		p.bound++
		p.recovering = p.bound < p.most
	case p.bound == p.most && p.gap == 0, now.Before(p.step):
		return
	case p.gap > 0:
		if p.gap /= 2; p.gap < firstGap {
			p.gap = 0
		}
	default:
		p.bound++
	}
	p.step = now.Add(paceStep)
}

// slowly reports whether less than all is asked.
func (p *pace) slowly() bool { return p.bound < p.most || p.gap > 0 }
