package delivery

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPaceSteps(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPace(8)
	slow := func(after time.Duration) { now = now.Add(after); p.slow(now) }
	success := func(after time.Duration) { now = now.Add(after); p.success(now) }
	for _, step := range []struct {
		name  string
		do    func(time.Duration)
		after time.Duration
		bound int
		gap   time.Duration
	}{
		{"nothing to mend", success, time.Hour, 8, 0},
		{"half", slow, 0, 4, 0},
		{"the same wish", slow, time.Second, 4, 0},
		{"again", slow, slowDelay, 2, 0},
		{"too soon for a step", success, time.Second, 2, 0},
		{"a step", success, paceStep, 3, 0},
		{"not two at once", success, 0, 3, 0},
		{"half, rounded down", slow, slowDelay, 1, 0},
		{"one is too much", slow, slowDelay, 1, time.Second},
		{"and still", slow, slowDelay, 1, 2 * time.Second},
		{"the rate first", success, paceStep, 1, time.Second},
		{"without a gap", success, paceStep, 1, 0},
		{"then a connection", success, paceStep, 2, 0},
	} {
		step.do(step.after)
		if p.bound != step.bound || p.gap != step.gap {
			t.Fatalf("%s: %d connections and a gap of %s, want %d and %s", step.name, p.bound, p.gap, step.bound, step.gap)
		}
	}
}

func TestPaceDoublesAfterAnOutage(t *testing.T) {
	now := time.Now()
	p := newPace(10)
	p.restart()
	for round, want := range []int{1, 2, 4, 8, 10} {
		if p.bound != want {
			t.Fatalf("round %d: %d connections, want %d", round, p.bound, want)
		}
		for range p.bound {
			p.success(now)
		}
	}
	if p.slowly() {
		t.Error("it is slow still")
	}
}

// Whatever happens there is a connection, never more than the most, and it
// comes back.
func TestPaceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPace(rapid.IntRange(1, 100).Draw(t, "most"))
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		check := func() {
			if p.bound < 1 || p.bound > p.most || p.gap < 0 || p.gap > maxGap {
				t.Fatalf("%+v", p)
			}
		}
		for _, what := range rapid.SliceOf(rapid.IntRange(0, 2)).Draw(t, "what") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "seconds")) * time.Second)
			switch what {
			case 0:
				p.slow(now)
			case 1:
				p.success(now)
			case 2:
				p.restart()
			}
			check()
		}
		for range p.most + 10 {
			now = now.Add(paceStep)
			p.success(now)
			check()
		}
		if p.slowly() {
			t.Fatalf("%+v does not come back", p)
		}
	})
}
