package delivery

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relaykeep/relay"
)

func fails(v relay.Verdict) finding {
	return finding{kind: upstreamFails, reached: v.Stage, verdict: v}
}

func works(stage relay.Stage) finding { return finding{kind: upstreamWorks, reached: stage} }

func TestBreakerCountsDistinctMessagesInARow(t *testing.T) {
	now := time.Now()
	b := newBreaker(Breaker{Failures: 3, Cooldown: time.Second})
	for range 10 {
		b.record(now, b.gen, "poison", fails(reset))
	}
	b.record(now, b.gen, "2", fails(reset))
	if b.state != BreakerClosed {
		t.Fatal("two messages opened it")
	}
	b.record(now, b.gen, "ok", works(relay.StageBody))
	b.record(now, b.gen, "3", fails(reset))
	b.record(now, b.gen, "4", fails(reset))
	if b.state != BreakerClosed {
		t.Fatal("a success in between did not count")
	}
	if !b.record(now, b.gen, "5", fails(reset)) || b.state != BreakerOpen {
		t.Fatal("three in a row did not open it")
	}
}

// Before MAIL no message can be to blame.
func TestBreakerCountsEachFailureBeforeMail(t *testing.T) {
	now := time.Now()
	b := newBreaker(Breaker{Failures: 3, Cooldown: time.Second})
	for n := range 3 {
		if b.state != BreakerClosed {
			t.Fatalf("%d failures opened it", n)
		}
		b.record(now, b.gen, "1", fails(refused))
	}
	if b.state != BreakerOpen || b.needsMail() {
		t.Fatalf("%+v, want it open, for a probe without mail", b)
	}
}

func TestBreakerProbes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		probe finding
		id    relay.ID
		state BreakerState
		wait  time.Duration // while open
	}{
		{"works", works(relay.StageBody), "2", BreakerClosed, 0},
		{"works, but not as far as what failed", works(relay.StageRcpt), "2", BreakerHalfOpen, 0},
		{"nothing found", finding{}, "2", BreakerHalfOpen, 0},
		{"fails", fails(paused), "2", BreakerOpen, 20 * time.Second},
		{"the same message fails", fails(reset), "1", BreakerOpen, 10 * time.Second},
		{"the same message fails by the account", fails(paused), "1", BreakerOpen, 20 * time.Second},
		{"fails at another stage", fails(refused), "2", BreakerOpen, 20 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Now()
			b := newBreaker(Breaker{Failures: 5, Cooldown: 10 * time.Second})
			b.record(now, b.gen, "1", fails(paused))
			b.tick(now.Add(9 * time.Second))
			if b.state != BreakerOpen || !b.needsMail() {
				t.Fatalf("%+v, want it open at once, for a message to probe", b)
			}
			now = now.Add(10 * time.Second)
			b.tick(now)
			b.probing = true
			b.record(now, b.gen, tt.id, tt.probe)
			if b.state != tt.state || b.probing {
				t.Errorf("%s, probing %v, want %s", b.state, b.probing, tt.state)
			}
			if b.state == BreakerOpen && b.until.Sub(now) != tt.wait {
				t.Errorf("open for %s, want %s", b.until.Sub(now), tt.wait)
			}
		})
	}
}

func TestBreakerIgnoresWhatBeganBefore(t *testing.T) {
	now := time.Now()
	b := newBreaker(Breaker{Failures: 1, Cooldown: time.Second})
	before := b.gen
	b.record(now, before, "1", fails(refused))
	b.tick(now.Add(time.Second))
	for _, f := range []finding{works(relay.StageBody), fails(refused)} {
		if b.record(now, before, "2", f) || b.state != BreakerHalfOpen {
			t.Errorf("an attempt of before turned it: %s", b.state)
		}
	}
}

func TestBreakerWaitsAsLongAsItIsAskedTo(t *testing.T) {
	now := time.Now()
	b := newBreaker(Breaker{Failures: 5, Cooldown: time.Second})
	b.record(now, b.gen, "1", fails(quotaUsed))
	if b.state != BreakerOpen || b.until.Sub(now) != time.Hour {
		t.Errorf("a used up quota: %s for %s, want open for 1h", b.state, b.until.Sub(now))
	}
}

// The machine keeps its promises whatever happens in whatever order.
func TestBreakerProperties(t *testing.T) {
	verdicts := []relay.Verdict{refused, reset, paused, badLogin, quotaUsed}
	rapid.Check(t, func(t *rapid.T) {
		limits := Breaker{
			Failures:    rapid.IntRange(1, 6).Draw(t, "failures"),
			Cooldown:    time.Second,
			MaxCooldown: 10 * time.Second,
		}
		b := newBreaker(limits)
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		row := map[string]bool{} // what counts since the last success
		gens := []uint64{b.gen}
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
				was := b.state
				b.tick(now)
				if was == BreakerOpen && (b.state == BreakerOpen) != now.Before(b.until) {
					t.Fatalf("%s at %s, open until %s", b.state, now, b.until)
				}
			},
			"probe": func(*rapid.T) {
				if b.state == BreakerHalfOpen {
					b.probing = true
				}
			},
			"record": func(t *rapid.T) {
				gen := rapid.SampledFrom(gens).Draw(t, "gen")
				id := relay.ID(strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "id")))
				f := rapid.SampledFrom([]finding{{}, works(relay.StageRcpt), works(relay.StageBody),
					fails(rapid.SampledFrom(verdicts).Draw(t, "verdict"))}).Draw(t, "finding")
				was := b
				was.row = slices.Clone(b.row)
				turned := b.record(now, gen, id, f)
				if b.state != was.state && !turned {
					t.Fatal("it turned and did not say so")
				}
				if gen != was.gen && (b.state != was.state || len(b.row) != len(was.row)) {
					t.Fatal("it took what began before it opened")
				}
				if was.state == BreakerClosed && gen == was.gen {
					switch f.kind {
					case upstreamWorks:
						clear(row)
					case upstreamFails:
						what := string(id)
						if f.verdict.Stage < relay.StageMail {
							what = fmt.Sprint("failure ", len(row)) // about no message: each counts
						}
						row[what] = true
						want := opensAtOnce(f.verdict) || len(row) >= limits.Failures
						if (b.state == BreakerOpen) != want {
							t.Fatalf("%s after %d failures that count, want %d to open it", b.state, len(row), limits.Failures)
						}
					}
				}
				if b.gen != was.gen {
					gens = append(gens, b.gen)
				}
				if b.state == BreakerClosed && was.state != BreakerClosed {
					clear(row)
				}
			},
			"": func(t *rapid.T) {
				if b.probing && b.state != BreakerHalfOpen {
					t.Fatalf("a probe is under way and it is %s", b.state)
				}
				if b.state != BreakerClosed && (b.cooldown < limits.Cooldown || b.cooldown > limits.MaxCooldown) {
					t.Fatalf("cool-down of %s", b.cooldown)
				}
				if len(b.row) > MaxFailures {
					t.Fatalf("%d messages are remembered", len(b.row))
				}
			},
		})
	})
}

func TestJudge(t *testing.T) {
	refusedTLS := with(refused, func(v *relay.Verdict) { v.Stage = relay.StageTLS })
	slowGoingAway := with(throttled, func(v *relay.Verdict) { v.Then = relay.ActionFailover })
	for _, tt := range []struct {
		name  string
		in    []relay.Verdict
		kind  findingKind
		cause relay.Verdict
	}{
		{"nobody was asked", nil, nothingFound, relay.Verdict{}},
		{"delivered", []relay.Verdict{ok}, upstreamWorks, ok},
		{"a bad recipient shows that it works", []relay.Verdict{noUser}, upstreamWorks, noUser},
		{"greylisting shows that it works", []relay.Verdict{greylist}, upstreamWorks, greylist},
		{"dial", []relay.Verdict{refused}, upstreamFails, refused},
		{"TLS", []relay.Verdict{refusedTLS}, upstreamFails, refusedTLS},
		{"no answer to the dot", []relay.Verdict{lost}, upstreamFails, lost},
		{"one of two was delivered", []relay.Verdict{reset, ok}, upstreamWorks, ok},
		{"delivered, and that was the last", []relay.Verdict{ok, paused}, upstreamFails, paused},
		{"disabled outweighs a failure", []relay.Verdict{reset, paused}, upstreamFails, paused},
		{"throttled is not down", []relay.Verdict{throttled}, nothingFound, relay.Verdict{}},
		{"going away counts", []relay.Verdict{slowGoingAway}, upstreamFails, slowGoingAway},
		{"what was not sent says nothing", []relay.Verdict{local(tooLong), local(noUser)}, nothingFound, relay.Verdict{}},
		{"what was not sent hides no failure", []relay.Verdict{local(tooLong), reset}, upstreamFails, reset},
		{"interrupted says nothing", []relay.Verdict{interrupted}, nothingFound, relay.Verdict{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if f := judge(tt.in); f.kind != tt.kind || f.verdict != tt.cause {
				t.Errorf("judge = %+v, want %d by %+v", f, tt.kind, tt.cause)
			}
		})
	}
}
