package quota

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// sealed is a state with a checksum that fits its body.
func sealed(body []byte) []byte {
	head := binary.BigEndian.AppendUint32([]byte{stateVersion}, crc32.ChecksumIEEE(body))
	return append(head, body...)
}

func TestRestore(t *testing.T) {
	hour, midnight := Limit{N: 10, Per: time.Hour}, Limit{N: 10, Per: day, Reset: &Reset{}}
	six := midnight
	six.Reset = &Reset{Hour: 6}
	with := func(l Limit, n int) Limit { l.N = n; return l }
	for _, tt := range []struct {
		name     string
		was, is  Limit
		downtime time.Duration
		left     int
	}{
		{"the same", hour, hour, 0, 3},
		{"while it counts", hour, hour, 59 * time.Minute, 3},
		{"when it is over", hour, hour, 62 * time.Minute, 10},
		{"the clock was put back", hour, hour, -365 * day, 3},
		{"raised", hour, with(hour, 12), time.Minute, 5},
		{"lowered below what was counted", hour, with(hour, 5), time.Minute, 0},
		{"another length", hour, Limit{N: 10, Per: time.Minute}, 0, 10},
		{"daily", midnight, midnight, time.Hour, 3},
		{"daily, after the reset", midnight, midnight, 12 * time.Hour, 10},
		{"daily, raised", midnight, with(midnight, 12), time.Hour, 5},
		{"daily, put back by a day", midnight, midnight, -day, 3},
		{"another reset", midnight, six, time.Hour, 3},
		{"rolling now", midnight, Limit{N: 10, Per: day}, time.Hour, 3},
		{"daily now", Limit{N: 10, Per: day}, midnight, time.Hour, 3},
		{"daily now, long after", Limit{N: 10, Per: day}, midnight, 30 * time.Hour, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := counterOf(tt.was)
			mustTake(t, c, noon, 7)
			now := noon.Add(tt.downtime)
			again := NewCounter([]Limit{tt.is}, now)
			if err := again.Restore(now, c.State()); err != nil {
				t.Fatal(err)
			}
			wantLeft(t, again, now, tt.left)
		})
	}
}

func TestRestoreExhausted(t *testing.T) {
	c := counterOf()
	c.Exhaust(noon, noon.Add(3*time.Hour))
	for downtime, want := range map[time.Duration]time.Duration{time.Hour: 2 * time.Hour, 5 * time.Hour: 0, -day: 3 * time.Hour} {
		now := noon.Add(downtime)
		again := NewCounter(nil, now)
		if err := again.Restore(now, c.State()); err != nil {
			t.Fatal(err)
		}
		if got := again.Wait(now, 1); got != want {
			t.Errorf("after %v it is shut for %v, want %v", downtime, got, want)
		}
	}
}

// What is damaged is an error, and leaves nothing counted, not even what was
// before.
func TestRestoreDamaged(t *testing.T) {
	c := counterOf(Limit{N: 10, Per: time.Hour})
	mustTake(t, c, noon, 7)
	whole := c.State()
	body := func(w wireCounter) []byte {
		b, err := cbor.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		return sealed(b)
	}
	window := func(w wireWindow) []byte { return body(wireCounter{Windows: []wireWindow{w}}) }
	for name, state := range map[string][]byte{
		"nothing":          {},
		"the head only":    whole[:stateHeader],
		"cut short":        whole[:len(whole)-1],
		"too long":         append(slices.Clone(whole), 0),
		"another version":  append([]byte{2}, whole[1:]...),
		"no CBOR":          sealed([]byte{0xff}),
		"blocked for less": body(wireCounter{Blocked: -1}),
		"no length":        window(wireWindow{}),
		"used less":        window(wireWindow{Per: 1, Used: -1}),
		"before less":      window(wireWindow{Per: 1, Before: -1, Reset: "00:00 UTC"}),
		"a slice of less":  window(wireWindow{Per: 1, Used: 1, Taken: []int{-1, 2}}),
		"another sum":      window(wireWindow{Per: 1, Used: 2, Taken: []int{1}}),
		"too many slices":  window(wireWindow{Per: 1, Used: 1, Taken: append(make([]int, grains), 1)}),
		"a phase too long": window(wireWindow{Per: 1, Phase: 1}),
		"a phase of less":  window(wireWindow{Per: 1, Phase: -1}),
	} {
		t.Run(name, func(t *testing.T) {
			again := counterOf(Limit{N: 10, Per: time.Hour})
			mustTake(t, again, noon, 4)
			again.Exhaust(noon, noon.Add(day))
			if err := again.Restore(noon, state); err == nil {
				t.Error("it was read")
			}
			wantLeft(t, again, noon, 10)
		})
	}
	for at := range whole {
		flipped := slices.Clone(whole)
		flipped[at] ^= 0x10
		if err := counterOf().Restore(noon, flipped); err == nil {
			t.Errorf("byte %d is wrong, and nobody sees it", at)
		}
	}
}

func TestStateIsSmall(t *testing.T) {
	c := counterOf(Limit{N: 1 << 40, Per: day}, Limit{N: 1 << 40, Per: time.Second}, Limit{N: 1 << 40, Per: day, Reset: &Reset{}})
	for i := range 10_000 {
		mustTake(t, c, noon.Add(time.Duration(i)*time.Minute), 100_000)
	}
	if n := len(c.State()); n > 700 {
		t.Errorf("%d bytes", n)
	}
}

// FuzzRestore reads any bytes, and any with a checksum that fits; what can be
// read is a Counter that is sound, and writes what can be read again.
func FuzzRestore(f *testing.F) {
	c := counterOf(Limit{N: 3, Per: time.Hour}, Limit{N: 9, Per: day, Reset: &Reset{}})
	c.Take(noon, 2)
	c.Exhaust(noon, noon.Add(time.Minute))
	f.Add(c.State(), false)
	f.Add(c.State()[stateHeader:], true)
	f.Add([]byte{}, false)
	f.Add([]byte{0xbf, 0xff}, true)
	f.Fuzz(func(t *testing.T, state []byte, seal bool) {
		if seal {
			state = sealed(state)
		}
		kept := bytes.Clone(state)
		c := counterOf(Limit{N: 3, Per: time.Hour}, Limit{N: 9, Per: day, Reset: &Reset{}})
		if err := c.Restore(noon, state); err != nil {
			wantLeft(t, c, noon, 3)
			return
		}
		if !bytes.Equal(state, kept) {
			t.Fatal("the state was changed")
		}
		again := counterOf(Limit{N: 3, Per: time.Hour}, Limit{N: 9, Per: day, Reset: &Reset{}})
		if err := again.Restore(noon, c.State()); err != nil {
			t.Fatal(err)
		}
		if a, b := c.Wait(noon, 1), again.Wait(noon, 1); a != b || a < 0 {
			t.Fatalf("wait %v, and after a restart %v", a, b)
		}
		c.Exhaust(noon, noon)
		if wait := c.Wait(noon, 1); wait > 26*time.Hour {
			t.Fatalf("locked out for %v", wait)
		}
		wantLeft(t, c, noon.Add(3*day), 3)
	})
}
