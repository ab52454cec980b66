package quota

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A state is one byte for the version of its layout, four for the CRC-32
// (IEEE, big endian) of the rest, and the rest: a wireCounter or a wirePace in
// CBOR (RFC 8949).
const (
	stateVersion = 1
	stateHeader  = 5
)

var errState = errors.New("the stored counters are damaged")

type wireCounter struct {
	Seconds int64        `cbor:"1,keyasint"` // when it was
	Nanos   int64        `cbor:"2,keyasint"`
	Blocked int64        `cbor:"3,keyasint,omitempty"` // ns from then on
	Windows []wireWindow `cbor:"4,keyasint,omitempty"`
}

// wireWindow is a window, known by its length and its reset, whatever its N.
type wireWindow struct {
	Per    int64  `cbor:"1,keyasint"`           // ns
	Reset  string `cbor:"2,keyasint,omitempty"` // of a daily one
	Used   int    `cbor:"3,keyasint,omitempty"`
	Before int    `cbor:"4,keyasint,omitempty"`
	Phase  int64  `cbor:"5,keyasint,omitempty"` // of a rolling one, ns
	Taken  []int  `cbor:"6,keyasint,omitempty"` // by slice, from that of now back; trailing zeros are left out
}

// State is what was counted, for Restore: some tens to hundreds of bytes for
// each limit. The caller owns it.
func (c *Counter) State() []byte {
	w := wireCounter{
		Seconds: c.time.last.Unix(),
		Nanos:   int64(c.time.last.Nanosecond()),
		Blocked: int64(c.blocked),
	}
	for i, l := range c.limits {
		w.Windows = append(w.Windows, c.windows[i].wire(l))
	}
	return seal(&w)
}

// seal makes a state of wire, which is made of numbers and strings.
func seal(wire any) []byte {
	body, err := cbor.Marshal(wire)
	if err != nil {
		panic(err) // numbers and strings: it cannot fail
	}
	state := make([]byte, stateHeader, stateHeader+len(body))
	state[0] = stateVersion
	binary.BigEndian.PutUint32(state[1:], crc32.ChecksumIEEE(body))
	return append(state, body...)
}

// Restore goes on from what State gave, so that nothing that was counted is
// lost; the time between has passed. A limit whose N has changed keeps what was
// counted; so does one whose reset has changed, but its Per has not: all of it
// then counts as taken now. The rest of the state is left aside.
//
// A state that cannot be read is an error, and leaves a Counter that has
// counted nothing. Restore does not keep state.
func (c *Counter) Restore(now time.Time, state []byte) error {
	c.clear(now)
	w, err := decode(state)
	if err != nil {
		return err
	}
	seen := time.Unix(w.Seconds, w.Nanos)
	passed := max(0, now.Sub(seen))
	c.blocked = max(0, time.Duration(w.Blocked)-passed)
	for i, l := range c.limits {
		if at := slices.IndexFunc(w.Windows, func(w wireWindow) bool { return w.is(l) }); at >= 0 {
			c.windows[i].restore(w.Windows[at], seen)
			c.windows[i].advance(passed, now)
		} else if at := slices.IndexFunc(w.Windows, func(w wireWindow) bool { return w.Per == int64(l.Per) }); at >= 0 && passed < l.Per {
			c.windows[i].take(w.Windows[at].Used)
		}
	}
	return nil
}

// decode reads and checks a state.
func decode(state []byte) (wireCounter, error) {
	var w wireCounter
	if err := unseal(state, &w); err != nil {
		return w, err
	}
	if w.Blocked < 0 || slices.ContainsFunc(w.Windows, wireWindow.senseless) {
		return w, errState
	}
	return w, nil
}

// unseal reads what seal made into wire.
func unseal(state []byte, wire any) error {
	if len(state) < stateHeader {
		return errState
	}
	if state[0] != stateVersion {
		return fmt.Errorf("the stored counters have the version %d, and this program knows %d", state[0], stateVersion)
	}
	body := state[stateHeader:]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(state[1:]) {
		return errState
	}
	if err := cbor.Unmarshal(body, wire); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	return nil
}

func (w wireWindow) is(l Limit) bool {
	reset := ""
	if l.Reset != nil {
		reset = l.Reset.String()
	}
	return w.Per == int64(l.Per) && w.Reset == reset
}

// senseless is what no State writes, and no window could be made of.
func (w wireWindow) senseless() bool {
	if w.Per <= 0 || w.Used < 0 || w.Before < 0 {
		return true
	}
	if w.Reset != "" {
		return false
	}
	left := w.Used
	for _, n := range w.Taken {
		if n < 0 || n > left {
			return true
		}
		left -= n
	}
	grain := newRolling(Limit{Per: time.Duration(w.Per)}).grain
	return left != 0 || len(w.Taken) > grains || w.Phase < 0 || w.Phase >= int64(grain)
}

func (r *rolling) wire(l Limit) wireWindow {
	w := wireWindow{Per: int64(l.Per), Used: r.used, Phase: int64(r.phase)}
	for i, left := 0, r.used; left > 0; i++ {
		n := r.taken[(r.head-i+grains)%grains]
		w.Taken = append(w.Taken, n)
		left -= n
	}
	return w
}

func (r *rolling) restore(w wireWindow, _ time.Time) {
	r.used, r.phase = w.Used, time.Duration(w.Phase)
	for i, n := range w.Taken {
		r.taken[(r.head-i+grains)%grains] = n
	}
}

func (d *daily) wire(l Limit) wireWindow {
	return wireWindow{Per: int64(l.Per), Reset: d.reset.String(), Used: d.used, Before: d.before}
}

func (d *daily) restore(w wireWindow, seen time.Time) {
	d.used, d.before = w.Used, w.Before
	d.start, d.end = d.reset.period(seen)
}
