package quota

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// state is what a Pace allows, in words.
func (p *Pace) state(now time.Time) string {
	rate := "-"
	if r, limited := p.Rate(now); limited {
		rate = fmt.Sprintf("%.4g/s", r)
	}
	return fmt.Sprintf("%d %s %v", p.Connections(now), rate, p.Slowed())
}

// deed is what happens in one step of a story.
type deed func(p *Pace, now time.Time)

func slow(p *Pace, now time.Time)    { p.Slow(now, 0) }
func restart(p *Pace, now time.Time) { p.RestartSlowly(now) }
func rest(*Pace, time.Time)          {}

func ok(n int) deed              { return func(p *Pace, now time.Time) { p.Ok(now, n) } }
func send(n int) deed            { return func(p *Pace, now time.Time) { p.Delay(now, n) } }
func least(d time.Duration) deed { return func(p *Pace, now time.Time) { p.Slow(now, d) } }

func TestPaceStories(t *testing.T) {
	const s, m = time.Second, time.Minute
	type step struct {
		after time.Duration
		do    deed
		want  string // connections, rate, slowed
	}
	for _, tt := range []struct {
		name        string
		rate        Limit
		connections int
		story       []step
	}{
		{"all is well", Limit{N: 14, Per: s}, 10, []step{
			{0, ok(100), "10 14/s false"},
			{m, ok(100), "10 14/s false"},
		}},
		{"slow, slow, success", Limit{N: 10, Per: s}, 8, []step{
			{0, slow, "4 5/s true"},
			{s, slow, "4 5/s true"}, // an answer of the same time
			{5 * s, slow, "2 2.5/s true"},
			{m - s, ok(5), "2 2.5/s true"}, // too early: the second one doubled the step
			{s, ok(1), "3 3.5/s true"},
			{59 * s, ok(9), "3 3.5/s true"},
			{s, ok(1), "4 4.5/s true"},
			{m, ok(3), "4 4.5/s true"}, // too few
			{0, ok(1), "5 5.5/s true"},
			{m, ok(9), "6 6.5/s true"},
			{m, ok(9), "7 7.5/s true"},
			{m, ok(9), "8 8.5/s true"},
			{m, ok(9), "8 9.5/s true"},
			{m, ok(9), "8 10/s false"},
			{m, slow, "4 5/s true"}, // from the start: steps of 30 s
			{30 * s, ok(9), "5 6/s true"},
		}},
		{"a long rest, or many at once, are one step", Limit{}, 8, []step{
			{0, slow, "4 - true"},
			{24 * time.Hour, rest, "4 - true"},
			{0, ok(1 << 40), "5 - true"},
			{0, ok(1 << 40), "5 - true"},
			{24 * time.Hour, ok(5), "6 - true"},
			{29 * s, ok(6), "6 - true"},
		}},
		{"down to one, and no further", Limit{N: 1, Per: s}, 3, []step{
			{0, slow, "1 0.5/s true"},
			{m, slow, "1 0.25/s true"},
			{m, slow, "1 0.125/s true"},
			{m, slow, "1 0.1/s true"},
			{m, slow, "1 0.1/s true"},
			{m, slow, "1 0.1/s true"},
			{10*m - s, ok(1), "1 0.1/s true"}, // ten minutes a step, at most
			{s, ok(1), "2 0.2/s true"},
			{10 * m, ok(5), "3 0.3/s true"},
		}},
		{"a limit that is low itself", Limit{N: 36, Per: time.Hour}, 2, []step{
			{0, slow, "1 0.005/s true"},
			{m, slow, "1 0.0025/s true"},
			{m, slow, "1 0.00125/s true"},
			{m, slow, "1 0.00125/s true"},
		}},
		{"unlimited: from what was measured", Limit{}, 4, []step{
			{0, send(20), "4 - false"},
			{5 * s, send(20), "4 - false"},
			{5 * s, slow, "2 2/s true"}, // 40 in ten seconds, halved
			{m, ok(2), "3 2.4/s true"},
			{m, ok(3), "4 2.8/s true"},
			{m, ok(4), "4 3.2/s true"},
		}},
		{"unlimited: hardly any", Limit{}, 2, []step{
			{0, send(1), "2 - false"},
			{9 * s, slow, "1 0.1/s true"},
		}},
		{"the provider says how long", Limit{}, 4, []step{
			{0, least(10 * m), "2 - true"},
			{s, least(time.Hour), "2 - true"},
			{s, least(-time.Hour), "2 - true"},
			{59 * m, ok(9), "2 - true"},
			{m, ok(9), "3 - true"},
			{30 * s, ok(9), "4 - false"},
		}},
		{"after an outage", Limit{N: 14, Per: s}, 10, []step{
			{0, restart, "1 14/s false"},
			{time.Hour, rest, "1 14/s false"},
			{0, ok(1), "2 14/s false"},
			{0, ok(1), "2 14/s false"},
			{0, ok(1), "4 14/s false"},
			{0, ok(1000), "8 14/s false"},
			{0, ok(7), "8 14/s false"},
			{0, ok(1), "10 14/s false"},
		}},
		{"an outage of a slow upstream", Limit{}, 8, []step{
			{0, slow, "4 - true"},
			{s, restart, "1 - true"},
			{m, ok(1), "2 - true"},
			{0, ok(2), "4 - true"},
			{0, ok(4), "5 - true"}, // and on step by step
			{0, ok(5), "5 - true"},
		}},
		{"too much after an outage", Limit{}, 16, []step{
			{0, restart, "1 - false"},
			{0, ok(1), "2 - false"},
			{0, ok(2), "4 - false"},
			{0, slow, "2 - true"},
			{m, ok(2), "3 - true"},
			{0, restart, "1 - true"},
			{0, restart, "1 - true"},
		}},
		{"one connection", Limit{}, 1, []step{
			{0, restart, "1 - false"},
			{0, ok(1), "1 - false"},
			{0, slow, "1 - true"},
			{m, ok(1), "1 - false"},
		}},
		{"none", Limit{}, -4, []step{{0, ok(-1), "1 - false"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, now := NewPace(tt.rate, tt.connections), noon
			p.Connections(now)
			for i, step := range tt.story {
				now = now.Add(step.after)
				step.do(p, now)
				if got := p.state(now); got != step.want {
					t.Fatalf("step %d: %s, want %s", i+1, got, step.want)
				}
			}
		})
	}
}

// A full unlimited rate comes back in steps, too.
func TestUnlimitedAgain(t *testing.T) {
	p, now := NewPace(Limit{}, 2), noon
	p.Delay(now, 40)
	p.Slow(now, 0)
	last, steps := 0.0, 0
	for p.Slowed() && steps < 100 {
		now = now.Add(time.Minute)
		p.Ok(now, 2)
		rate, limited := p.Rate(now)
		if limited && (rate <= last || last > 0 && rate-last > 4.001) {
			t.Fatalf("from %v to %v in a step", last, rate)
		}
		last = rate
		steps++
	}
	if _, limited := p.Rate(now); limited || steps != 15 {
		t.Errorf("%d steps, limited %v", steps, limited)
	}
}

func TestDelay(t *testing.T) {
	p := NewPace(Limit{N: 14, Per: time.Second}, 1)
	if d := p.Delay(noon, 14); d != 0 {
		t.Fatalf("14 of 14: %v", d)
	}
	wait := p.Delay(noon, 1)
	if wait <= time.Second || wait > 1020*time.Millisecond {
		t.Fatalf("wait %v", wait)
	}
	now := noon.Add(wait)
	if d := p.Delay(now, 15); d != time.Second {
		t.Errorf("15 of 14: %v", d)
	}
	p.Slow(now, 0)
	if n := p.Fits(now, 100); n != 7 {
		t.Errorf("%d fit, want 7", n)
	}
	if d := p.Delay(now, 7); d != 0 {
		t.Errorf("a second's worth: %v", d)
	}
	if n := p.Fits(now, 1); n != 0 {
		t.Errorf("%d fit before the pause is over", n)
	}
	if d := p.Delay(now, 1); d != time.Second {
		t.Errorf("then a pause of %v", d)
	}
}

// A batch that is much too large for a slow upstream costs an hour at most.
func TestPauseHasAnEnd(t *testing.T) {
	p := NewPace(Limit{}, 1)
	p.Delay(noon, 1)
	p.Slow(noon, 0)
	if d := p.Delay(noon, 1<<40); d != 0 {
		t.Fatal(d)
	}
	if d := p.Delay(noon.Add(-365*day), 1); d != time.Hour {
		t.Errorf("wait %v", d)
	}
}

// TestPaceBounds holds for all stories: never more than the limit in any time
// of its length, never less than one connection, never more than a step up at
// once, and what does not fit has a wait after which one does.
func TestPaceBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := Limit{N: rapid.IntRange(0, 20).Draw(t, "n"), Per: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "per"))}
		most := rapid.IntRange(1, 40).Draw(t, "connections")
		p, now := NewPace(limit, most), noon
		sent := model{limit: limit}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "pause")))
			before := p.Connections(now)
			switch rapid.IntRange(0, 5).Draw(t, "do") {
			case 0:
				p.Slow(now, time.Duration(rapid.Int64().Draw(t, "least")))
			case 1:
				p.RestartSlowly(now)
			case 2, 3:
				p.Ok(now, rapid.Int().Draw(t, "ok"))
				if after := p.Connections(now); after > max(2*before, before+1) {
					t.Fatalf("from %d connections to %d", before, after)
				}
			default:
				n := p.Fits(now, rapid.IntRange(1, 50).Draw(t, "send"))
				if n == 0 {
					wait := p.Delay(now, 1)
					if wait <= 0 {
						t.Fatal("none fits, and one need not wait")
					}
					if now = now.Add(wait); p.Fits(now, 1) != 1 {
						t.Fatalf("none fits after %v", wait)
					}
					continue
				}
				if wait := p.Delay(now, n); wait != 0 {
					t.Fatalf("%d fit, and wait %v", n, wait)
				}
				sent.events = append(sent.events, event{now, n})
			}
			if c := p.Connections(now); c < 1 || c > most {
				t.Fatalf("%d connections of %d", c, most)
			}
			rate, limited := p.Rate(now)
			if limited && !(rate > 0) || math.IsInf(rate, 0) || limit.limits() && (!limited || rate > p.limit.rate()) {
				t.Fatalf("rate %v, %v", rate, limited)
			}
			if sum := sent.counted(now); limit.limits() && sum > limit.N {
				t.Fatalf("%d in %v, and the limit is %d", sum, limit.Per, limit.N)
			}
		}
	})
}

func TestPaceDoesNotAllocate(t *testing.T) {
	p, now := NewPace(Limit{N: 14, Per: time.Second}, 10), noon
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(10 * time.Millisecond)
		p.Delay(now, p.Fits(now, 3))
		p.Ok(now, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
