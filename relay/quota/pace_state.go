package quota

import (
	"math"
	"time"
)

type wirePace struct {
	Seconds     int64       `cbor:"1,keyasint"` // when it was
	Nanos       int64       `cbor:"2,keyasint"`
	Connections int         `cbor:"3,keyasint"` // at full pace
	Allowed     int         `cbor:"4,keyasint"`
	Restart     int         `cbor:"5,keyasint,omitempty"`
	Successes   int         `cbor:"6,keyasint,omitempty"`
	Rate        float64     `cbor:"7,keyasint,omitempty"` // a second
	Tenth       float64     `cbor:"8,keyasint,omitempty"`
	Full        float64     `cbor:"9,keyasint,omitempty"`
	Pause       int64       `cbor:"10,keyasint,omitempty"` // ns from then on
	Hold        int64       `cbor:"11,keyasint,omitempty"` // likewise
	Step        int64       `cbor:"12,keyasint,omitempty"` // ns
	Window      *wireWindow `cbor:"13,keyasint,omitempty"` // what the limit has counted
}

// State is what Restore goes on from: some tens of bytes, with a limit some
// hundred. It is nil at full pace where nothing has to be counted. The caller
// owns it.
func (p *Pace) State() []byte {
	if p.limit == nil && p.step == 0 && p.restart == 0 {
		return nil
	}
	w := wirePace{
		Seconds: p.time.last.Unix(), Nanos: int64(p.time.last.Nanosecond()),
		Connections: p.connections, Allowed: p.allowed, Restart: p.restart, Successes: p.successes,
		Rate: p.rate, Tenth: p.tenth, Full: p.full,
		Pause: int64(p.pause), Hold: int64(p.hold), Step: int64(p.step),
	}
	if p.limit != nil {
		window := p.limit.wire(Limit{Per: p.limit.per})
		w.Window = &window
	}
	return seal(&w)
}

// Restore goes on from what State gave: as slow, and as far on the way back, as
// it was; the time between has passed. Connections and limit may be others
// than they were: what is slower still stays so, and recovers up to those of
// now. What a limit of another length has counted is left aside.
//
// A state that cannot be read is an error, and leaves a Pace at full pace.
// Restore does not keep state.
func (p *Pace) Restore(now time.Time, state []byte) error {
	p.reset(now)
	var w wirePace
	if err := unseal(state, &w); err != nil {
		return err
	}
	if w.senseless() {
		return errState
	}
	if w.Allowed < w.Connections {
		p.allowed = min(w.Allowed, p.connections)
	}
	if w.Restart > 0 && w.Restart < p.allowed {
		p.restart = w.Restart
	}
	p.successes = w.Successes
	p.restoreRate(&w)
	if p.rate > 0 || p.allowed < p.connections {
		p.step, p.hold = min(time.Duration(w.Step), longestStep), min(time.Duration(w.Hold), time.Hour)
		p.step = max(p.step, firstStep)
	}
	seen := time.Unix(w.Seconds, w.Nanos)
	passed := max(0, now.Sub(seen))
	if p.limit != nil && w.Window != nil && w.Window.is(Limit{Per: p.limit.per}) {
		p.limit.restore(*w.Window, seen)
		p.limit.advance(passed, now)
	}
	p.pause, p.hold = max(0, p.pause-passed), max(0, p.hold-passed)
	return nil
}

// restoreRate takes over a rate that is lower than the limit of now.
func (p *Pace) restoreRate(w *wirePace) {
	if w.Rate == 0 {
		return
	}
	p.rate, p.tenth, p.full = w.Rate, w.Tenth, w.Full
	if p.limit != nil {
		p.full = p.limit.rate()
		p.tenth = p.full / 10
	}
	if p.rate >= p.full {
		p.rate = 0
		return
	}
	p.pause = min(time.Duration(w.Pause), time.Hour)
}

// reset is full pace, with nothing counted.
func (p *Pace) reset(now time.Time) {
	rate := Limit{}
	if p.limit != nil {
		rate = Limit{N: p.limit.n, Per: p.limit.per}
	}
	*p = *NewPace(rate, p.connections)
	p.time.last = now
}

// senseless is what no State writes.
func (w *wirePace) senseless() bool {
	for _, f := range []float64{w.Rate, w.Tenth, w.Full} {
		if f < 0 || math.IsNaN(f) || math.IsInf(f, 0) {
			return true
		}
	}
	switch {
	case w.Connections < 1 || w.Allowed < 1 || w.Restart < 0 || w.Successes < 0:
	case w.Pause < 0 || w.Hold < 0 || w.Step < 0:
	case w.Rate > 0 && (w.Tenth == 0 || w.Rate < lowestRate/1e6):
	case w.Window != nil && (w.Window.Reset != "" || w.Window.senseless()):
	default:
		return false
	}
	return true
}
