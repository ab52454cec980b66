package quota

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestPaceRestore: what was slow is as slow after a restart, has come as far on
// its way back, and goes on from there.
func TestPaceRestore(t *testing.T) {
	ten := Limit{N: 10, Per: time.Second}
	slowed := func(p *Pace) { p.Slow(noon, 0) }
	for _, tt := range []struct {
		name        string
		before      Limit
		do          func(*Pace)
		later       time.Duration
		now         Limit
		connections int
		want        string // as Pace.state tells it
	}{
		{"at full pace", Limit{}, func(*Pace) {}, 0, Limit{}, 8, "8 - false"},
		{"slowed down", ten, slowed, 0, ten, 8, "4 5/s true"},
		{"slowed down, for a while", ten, slowed, time.Hour, ten, 8, "4 5/s true"},
		{"slowed down twice", ten, func(p *Pace) { slowed(p); p.Slow(noon.Add(time.Minute), 0) }, time.Minute, ten, 8, "2 2.5/s true"},
		{"no limit", Limit{}, slowed, 0, Limit{}, 8, "4 - true"},
		{"restarted", ten, func(p *Pace) { p.RestartSlowly(noon) }, 0, ten, 8, "1 10/s false"},
		{"more connections now", ten, slowed, 0, ten, 20, "4 5/s true"},
		{"fewer connections now", ten, slowed, 0, ten, 3, "3 5/s true"},
		{"a lower limit now", ten, slowed, 0, Limit{N: 2, Per: time.Second}, 8, "4 2/s true"},
		{"a higher limit now", ten, slowed, 0, Limit{N: 100, Per: time.Second}, 8, "4 5/s true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := NewPace(tt.before, 8)
			p.Connections(noon)
			tt.do(p)
			q, at := NewPace(tt.now, tt.connections), p.time.last.Add(tt.later).Round(0)
			if state := p.State(); len(state) > 0 {
				if err := q.Restore(at, state); err != nil {
					t.Fatal(err)
				}
			}
			if got := q.state(at); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestPaceRestoreCounts: a limit of an hour is kept to over a restart.
func TestPaceRestoreCounts(t *testing.T) {
	hourly := Limit{N: 10, Per: time.Hour}
	p := NewPace(hourly, 1)
	p.Delay(noon, 7)
	for _, tt := range []struct {
		later time.Duration
		fits  int
	}{{time.Minute, 3}, {2 * time.Hour, 10}} {
		q := NewPace(hourly, 1)
		if err := q.Restore(noon.Add(tt.later), p.State()); err != nil {
			t.Fatal(err)
		}
		if got := q.Fits(noon.Add(tt.later), 10); got != tt.fits {
			t.Errorf("%s later %d fit, want %d", tt.later, got, tt.fits)
		}
	}
}

// TestPaceRestoreRecovers: the next step comes when it would have come.
func TestPaceRestoreRecovers(t *testing.T) {
	p := NewPace(Limit{N: 10, Per: time.Second}, 8)
	p.Connections(noon)
	p.Slow(noon, 0)
	q := NewPace(Limit{N: 10, Per: time.Second}, 8)
	if err := q.Restore(noon.Add(20*time.Second), p.State()); err != nil {
		t.Fatal(err)
	}
	q.Ok(noon.Add(29*time.Second), 4)
	early := q.state(noon.Add(29 * time.Second))
	q.Ok(noon.Add(31*time.Second), 4)
	if late := q.state(noon.Add(31 * time.Second)); early != "4 5/s true" || late != "5 6/s true" {
		t.Errorf("%q before its step, %q after it", early, late)
	}
}

func TestPaceRestoreDamaged(t *testing.T) {
	sound := wirePace{Connections: 8, Allowed: 4, Step: int64(firstStep), Rate: 5, Tenth: 1, Full: 10}
	change := func(f func(*wirePace)) []byte {
		w := sound
		f(&w)
		return seal(&w)
	}
	for name, state := range map[string][]byte{
		"nothing":       nil,
		"another":       []byte(strings.Repeat("x", 40)),
		"cut off":       seal(&sound)[:10],
		"not a number":  change(func(w *wirePace) { w.Rate = math.NaN() }),
		"no connection": change(func(w *wirePace) { w.Allowed = 0 }),
		"no step up":    change(func(w *wirePace) { w.Tenth = 0 }),
		"negative":      change(func(w *wirePace) { w.Pause = -1 }),
		"odd window":    change(func(w *wirePace) { w.Window = &wireWindow{Per: 1, Used: 5} }),
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPace(Limit{}, 8)
			p.Slow(noon, 0)
			if err := p.Restore(noon, state); err == nil {
				t.Error("it was taken")
			}
			if got := p.state(noon); got != "8 - false" {
				t.Errorf("it is at %s", got)
			}
		})
	}
}

// FuzzPaceRestore reads any bytes, and any with a checksum that fits: what can
// be read makes a pace that comes back to full.
func FuzzPaceRestore(f *testing.F) {
	p := NewPace(Limit{N: 10, Per: time.Second}, 8)
	p.Slow(noon, 0)
	f.Add(p.State(), false)
	f.Add(p.State()[stateHeader:], true)
	f.Fuzz(func(t *testing.T, state []byte, seal bool) {
		if seal {
			state = sealed(state)
		}
		p := NewPace(Limit{N: 10, Per: time.Second}, 8)
		if p.Restore(noon, state) != nil {
			return
		}
		now := noon
		for range 200 {
			now = now.Add(time.Hour + longestStep)
			p.Ok(now, 8)
		}
		if got := p.state(now); got != "8 10/s false" {
			t.Errorf("it stays at %s", got)
		}
	})
}
