package quota

import (
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Counter counts several limits at once. It is not safe for concurrent use.
type Counter struct {
	windows []*window
	blocked time.Time // until then nothing is taken: see Exhaust
}

// NewCounter makes a counter of limits; zero ones are left out.
func NewCounter(limits ...Limit) *Counter {
	c := &Counter{}
	for _, l := range limits {
		if l.N > 0 && l.Per > 0 {
			c.windows = append(c.windows, newWindow(l))
		}
	}
	return c
}

// Take counts n by all limits, or by none: ok is false when they do not fit,
// and wait is then how long until they may.
func (c *Counter) Take(now time.Time, n int) (wait time.Duration, ok bool) {
	if wait = c.Wait(now, n); wait > 0 {
		return wait, false
	}
	for _, w := range c.windows {
		w.add(now, n)
	}
	return 0, true
}

// Wait is how long until n fit, 0 when they do now.
func (c *Counter) Wait(now time.Time, n int) time.Duration {
	wait := max(0, c.blocked.Sub(now))
	for _, w := range c.windows {
		w.advance(now)
		wait = max(wait, w.wait(now, n))
	}
	return wait
}

// Return gives n back that were taken and not used.
func (c *Counter) Return(now time.Time, n int) {
	for _, w := range c.windows {
		w.advance(now)
		w.add(now, -n)
	}
}

// Remaining is how many may be taken now; limited is false without any limit.
func (c *Counter) Remaining(now time.Time) (n int, limited bool) {
	blocked := now.Before(c.blocked)
	for i, w := range c.windows {
		w.advance(now)
		if i == 0 || w.room() < n {
			n = w.room()
		}
	}
	if blocked {
		n = 0
	}
	return n, blocked || len(c.windows) > 0
}

// Exhaust lets nothing through until a time, because the provider says that
// the quota is used up. A later call may bring the time forward.
func (c *Counter) Exhaust(until time.Time) { c.blocked = until }

// stored is a counter as it is kept. Windows are told apart by their length
// and their reset: a limit of another number keeps what was counted.
type stored struct {
	Version int            `cbor:"1,keyasint"`
	Blocked int64          `cbor:"2,keyasint,omitempty"`
	Windows []storedWindow `cbor:"3,keyasint,omitempty"`
}

type storedWindow struct {
	Per   int64     `cbor:"1,keyasint"`
	Reset string    `cbor:"2,keyasint,omitempty"`
	Used  int       `cbor:"3,keyasint,omitempty"`
	End   int64     `cbor:"4,keyasint,omitempty"`
	Taken [][]int64 `cbor:"5,keyasint,omitempty"` // index and number
}

const stateVersion = 1

// State gives what Restore takes.
func (c *Counter) State() []byte {
	s := stored{Version: stateVersion}
	if !c.blocked.IsZero() {
		s.Blocked = c.blocked.UnixNano()
	}
	for _, w := range c.windows {
		sw := storedWindow{Per: int64(w.limit.Per), Used: w.used}
		if w.limit.Reset != nil {
			sw.Reset, sw.End = w.limit.Reset.String(), w.end.UnixNano()
		}
		for _, t := range w.taken {
			sw.Taken = append(sw.Taken, []int64{t.index, int64(t.n)})
		}
		s.Windows = append(s.Windows, sw)
	}
	b, err := cbor.Marshal(s)
	if err != nil {
		panic(err) // of plain numbers and strings: cannot be
	}
	return b
}

// Restore takes up what State gave, as far as the limits are still the same.
// What cannot be read is an error and changes nothing.
func (c *Counter) Restore(now time.Time, state []byte) error {
	var s stored
	if err := cbor.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("the stored counters cannot be read: %w", err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("the stored counters have the version %d, and this program knows %d", s.Version, stateVersion)
	}
	for _, sw := range s.Windows {
		if err := sw.check(); err != nil {
			return err
		}
	}
	if s.Blocked != 0 {
		c.blocked = time.Unix(0, s.Blocked)
	}
	for _, w := range c.windows {
		for _, sw := range s.Windows {
			if sw.fits(w.limit) {
				sw.into(w)
				w.advance(now)
				break
			}
		}
	}
	return nil
}

var errState = errors.New("the stored counters cannot be read: they make no sense")

func (sw *storedWindow) check() error {
	sum := 0
	for _, t := range sw.Taken {
		if len(t) != 2 || t[1] < 0 || t[1] > 1<<40 {
			return errState
		}
		sum += int(t[1])
	}
	if sw.Used < 0 || sw.Reset == "" && sum != sw.Used || len(sw.Taken) > 4*slices {
		return errState
	}
	return nil
}

func (sw *storedWindow) fits(l Limit) bool {
	reset := ""
	if l.Reset != nil {
		reset = l.Reset.String()
	}
	return sw.Per == int64(l.Per) && sw.Reset == reset
}

func (sw *storedWindow) into(w *window) {
	w.used, w.taken = sw.Used, nil
	if w.limit.Reset != nil {
		w.end = time.Unix(0, sw.End)
	}
	for _, t := range sw.Taken {
		w.taken = append(w.taken, slice{index: t[0], n: int(t[1])})
	}
}
