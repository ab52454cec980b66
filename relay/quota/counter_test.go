package quota

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// counterOf is a new Counter at noon.
func counterOf(limits ...Limit) *Counter { return NewCounter(limits, noon) }

// mustTake fails where n cannot be taken.
func mustTake(t *testing.T, c *Counter, now time.Time, n int) {
	t.Helper()
	if wait, ok := c.Take(now, n); !ok || wait != 0 {
		t.Fatalf("Take(%d) = %v, %v", n, wait, ok)
	}
}

// wantLeft fails where not exactly n remain.
func wantLeft(t *testing.T, c *Counter, now time.Time, n int) {
	t.Helper()
	if got, limited := c.Remaining(now); got != n || !limited {
		t.Fatalf("Remaining = %d, %v, want %d", got, limited, n)
	}
}

func TestAllLimitsOrNone(t *testing.T) {
	c := counterOf(Limit{N: 2, Per: time.Second}, Limit{N: 3, Per: time.Hour}, Limit{}, Limit{N: 1}, Limit{N: -1, Per: time.Hour})
	mustTake(t, c, noon, 2)
	if wait, ok := c.Take(noon, 1); ok || wait <= time.Second || wait > 1100*time.Millisecond {
		t.Fatalf("a third in the second: %v, %v", wait, ok)
	}
	later := noon.Add(2 * time.Second)
	wantLeft(t, c, later, 1)
	if wait, ok := c.Take(later, 2); ok || wait < time.Hour-2*time.Second {
		t.Fatalf("a fourth in the hour: %v, %v", wait, ok)
	}
	wantLeft(t, c, later, 1)
	if got := c.Fits(later, 7); got != 1 {
		t.Errorf("%d of 7 fit, want 1", got)
	}
}

func TestNothingAsked(t *testing.T) {
	c := counterOf(Limit{N: 1, Per: time.Second})
	for _, n := range []int{0, -5} {
		mustTake(t, c, noon, n)
		c.Return(noon, n)
		if got := c.Fits(noon, n); got != 0 {
			t.Errorf("Fits(%d) = %d", n, got)
		}
	}
	wantLeft(t, c, noon, 1)
}

func TestNoLimit(t *testing.T) {
	c := counterOf()
	mustTake(t, c, noon, 1<<40)
	if n, limited := c.Remaining(noon); n != 0 || limited {
		t.Errorf("Remaining = %d, %v", n, limited)
	}
	if got := c.Fits(noon, 1000); got != 1000 {
		t.Errorf("%d of 1000 fit", got)
	}
}

// More than the whole limit never go through, and the caller is told to wait
// for as many as do.
func TestMoreThanTheLimit(t *testing.T) {
	c := counterOf(Limit{N: 10, Per: time.Hour})
	if wait, ok := c.Take(noon, 11); ok || wait != time.Hour {
		t.Fatalf("11 of 10: %v, %v", wait, ok)
	}
	mustTake(t, c, noon, 1)
	wait, ok := c.Take(noon, 25)
	if ok || wait < time.Hour {
		t.Fatalf("25 of 10: %v, %v", wait, ok)
	}
	if got := c.Fits(noon.Add(wait), 25); got != 10 {
		t.Errorf("after that %d fit", got)
	}
}

// A delayed Return must not give others room that the provider has not got.
func TestReturn(t *testing.T) {
	at := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	for _, tt := range []struct {
		name      string
		taken     float64 // of 4, first
		others    float64 // of 6, then
		returned  time.Time
		n         int
		wantAt    float64
		wantRooms int
	}{
		{"at once", 0, 1, at(0), 4, 1, 4},
		{"some", 0, 1, at(0), 3, 1, 3},
		{"has left the window", 0, 11, at(0), 4, 11, 4},      // 4 were free again without it
		{"others keep their time", 0, 9, at(0), 4, 12, 4},    // the 6 of second 9 count
		{"the older go first", 0, 5, at(5), 6, 5, 6},         // all 6 of second 5
		{"no more than was counted", 0, 5, at(5), 99, 5, 10}, // both
		{"a time to come", 0, 5, at(6), 4, 5, 0},             // nothing was taken then
		{"a time before all", 0, 5, noon.Add(-day * 9), 4, 5, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := counterOf(Limit{N: 10, Per: 10 * time.Second})
			mustTake(t, c, at(tt.taken), 4)
			mustTake(t, c, at(tt.others), 6)
			c.Return(tt.returned, tt.n)
			wantLeft(t, c, at(tt.wantAt), tt.wantRooms)
		})
	}
}

func TestExhaust(t *testing.T) {
	c := counterOf()
	c.Exhaust(noon, noon.Add(time.Hour))
	if wait, ok := c.Take(noon, 1); ok || wait != time.Hour {
		t.Fatalf("%v, %v", wait, ok)
	}
	wantLeft(t, c, noon, 0)
	mustTake(t, c, noon.Add(time.Hour), 1)

	c.Exhaust(noon.Add(time.Hour), noon.Add(9*time.Hour))
	c.Exhaust(noon.Add(2*time.Hour), noon) // over before its time
	mustTake(t, c, noon.Add(2*time.Hour), 1)
}

// The clock jumps: whoever waits the length of the window by the new clock may
// take everything again, and nobody may before who could not with a true clock.
func TestTheClockMayJump(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit Limit
		jump  time.Duration
		left  int
	}{
		{"rolling, back a day", Limit{N: 3, Per: time.Hour}, -day, 0},
		{"rolling, back for years", Limit{N: 3, Per: time.Hour}, -4000 * day, 0},
		{"rolling, back by a little", Limit{N: 3, Per: time.Hour}, -time.Millisecond, 0},
		{"rolling, on for a day", Limit{N: 3, Per: time.Hour}, day, 3},
		{"rolling, past 2038", Limit{N: 3, Per: time.Hour}, 4500 * day, 3},
		{"rolling, for centuries", Limit{N: 3, Per: 1<<63 - 1}, 1 << 62, 0},
		{"daily, back a day", Limit{N: 3, Per: day, Reset: &Reset{}}, -day, 0},
		{"daily, back for years", Limit{N: 3, Per: day, Reset: &Reset{}}, -4000 * day, 0},
		{"daily, past 2038", Limit{N: 3, Per: day, Reset: &Reset{}}, 4500 * day, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := counterOf(tt.limit)
			mustTake(t, c, noon, 3)
			now := noon.Add(tt.jump)
			wantLeft(t, c, now, tt.left)
			if tt.limit.Per > 1<<62 {
				return
			}
			now = now.Add(tt.limit.Per + tt.limit.Per/90)
			wantLeft(t, c, now, 3)
		})
	}
}

// An outlook of an hour that a jump back has made a year is an hour still.
func TestExhaustOutlivesNoJump(t *testing.T) {
	c := counterOf()
	c.Exhaust(noon, noon.Add(time.Hour))
	past := noon.Add(-365 * day)
	if wait, ok := c.Take(past, 1); ok || wait != time.Hour {
		t.Errorf("%v, %v", wait, ok)
	}
	mustTake(t, c, past.Add(time.Hour), 1)
}

// Callers that read the clock before they lock come in the wrong order.
func TestWrongOrderMakesNoTimePass(t *testing.T) {
	c := counterOf(Limit{N: 1, Per: time.Second})
	mustTake(t, c, noon, 1)
	for range 100 {
		wantLeft(t, c, noon.Add(500*time.Millisecond), 0)
		wantLeft(t, c, noon, 0)
	}
}

// event is what the naive model keeps.
type event struct {
	at time.Time
	n  int
}

// model counts by remembering everything.
type model struct {
	limit  Limit
	events []event
}

// counted is what a provider counts at now.
func (m *model) counted(now time.Time) int {
	sum := 0
	for _, e := range m.events {
		if now.Sub(e.at) < m.limit.Per {
			sum += e.n
		}
	}
	return sum
}

// TestNeverMoreThanTheLimit holds a Counter to the model: never more than N in
// any window of the length Per, with returns and restarts between; and never
// fewer than if everything were counted for two slices longer.
func TestNeverMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Limit {
			return Limit{N: rapid.IntRange(1, 20).Draw(t, "n"), Per: time.Duration(rapid.Int64Range(1, int64(2*time.Hour)).Draw(t, "per"))}
		}), 1, 3).Draw(t, "limits")
		c, now := NewCounter(limits, noon), noon
		models, slacks := make([]model, len(limits)), make([]model, len(limits))
		longest := time.Duration(0)
		for i, l := range limits {
			models[i].limit = l
			slacks[i].limit = Limit{N: l.N, Per: l.Per + 2*newRolling(l).grain + 96}
			longest = max(longest, l.Per)
		}
		var open []event // taken, and may be given back
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(longest)/3).Draw(t, "pause")))
			switch rapid.IntRange(0, 9).Draw(t, "do") {
			case 0:
				again := NewCounter(limits, now)
				if err := again.Restore(now, c.State()); err != nil {
					t.Fatal(err)
				}
				c = again
			case 1, 2:
				if len(open) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				c.Return(open[i].at, open[i].n)
				for k := range models {
					models[k].events = append(models[k].events, event{open[i].at, -open[i].n})
				}
				// The slack model does not take it back: a return may be
				// served from older slices, so it holds a weaker bound.
				open = append(open[:i], open[i+1:]...)
			default:
				n := rapid.IntRange(1, 20).Draw(t, "take")
				wait, ok := c.Take(now, n)
				free, fits := true, true
				for i, l := range limits {
					free = free && slacks[i].counted(now)+n <= l.N
					fits = fits && n <= l.N
				}
				if !ok && free {
					t.Fatalf("refused %d with room for them", n)
				}
				if ok != (wait == 0) {
					t.Fatalf("Take = %v, %v", wait, ok)
				}
				if !ok {
					checkWait(t, c, limits, now, wait, n, fits)
					continue
				}
				open = append(open, event{now, n})
				for i := range models {
					models[i].events = append(models[i].events, event{now, n})
					slacks[i].events = append(slacks[i].events, event{now, n})
				}
			}
			for i, l := range limits {
				if sum := models[i].counted(now); sum > l.N {
					t.Fatalf("%d in %v, and the limit is %d", sum, l.Per, l.N)
				}
			}
		}
	})
}

// checkWait holds that n fit after the wait and not a moment before.
func checkWait(t *rapid.T, c *Counter, limits []Limit, now time.Time, wait time.Duration, n int, fits bool) {
	after := func(d time.Duration) bool {
		again := NewCounter(limits, now)
		if err := again.Restore(now, c.State()); err != nil {
			t.Fatal(err)
		}
		_, ok := again.Take(now.Add(d), n)
		return ok
	}
	if fits != after(wait) {
		t.Fatalf("after %v: fits %v", wait, !fits)
	}
	if fits && after(wait-1) {
		t.Fatalf("told to wait %v, and a nanosecond less would do", wait)
	}
}

// FuzzTake holds the bounds for any times and numbers at all.
func FuzzTake(f *testing.F) {
	f.Add(int64(1), 1, int64(0), 1)
	f.Add(int64(1<<63-1), 1<<62, int64(-1<<63), 1<<62)
	f.Fuzz(func(t *testing.T, per int64, n int, jump int64, take int) {
		c := counterOf(Limit{N: n, Per: time.Duration(per)}, Limit{N: n, Per: day, Reset: &Reset{Hour: 3}})
		for range 3 {
			now := c.time.last.Add(time.Duration(jump))
			before := c.Fits(now, take)
			wait, ok := c.Take(now, take)
			if ok != (wait == 0) || wait < 0 || before < 0 || before > max(take, 0) || ok && before < take {
				t.Fatalf("Fits(%d) = %d, Take = %v, %v", take, before, wait, ok)
			}
			c.Return(now, take/2)
			if left, limited := c.Remaining(now); left < 0 || limited != (n > 0) {
				t.Fatalf("Remaining = %d, %v", left, limited)
			}
		}
	})
}

func TestTakeDoesNotAllocate(t *testing.T) {
	c := counterOf(Limit{N: 100, Per: time.Second}, Limit{N: 1 << 40, Per: day}, Limit{N: 1 << 40, Per: day, Reset: &Reset{}})
	now := noon
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Millisecond)
		c.Take(now, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	c := counterOf(Limit{N: 1 << 40, Per: time.Second}, Limit{N: 1 << 40, Per: day}, Limit{N: 1 << 40, Per: day, Reset: &Reset{}})
	now := noon
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		c.Take(now, 1)
	}
}

// BenchmarkRefuse is a Take that has to find out how long to wait.
func BenchmarkRefuse(b *testing.B) {
	c := counterOf(Limit{N: 1, Per: day})
	c.Take(noon, 1)
	b.ReportAllocs()
	for b.Loop() {
		c.Take(noon, 1)
	}
}
