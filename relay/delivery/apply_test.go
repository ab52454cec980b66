package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/quota"
	"relaykeep/upstream"
)

// apply goes over to another plan.
func (w *world) apply(p Plan) {
	w.Helper()
	if err := w.s.Apply(w.Context(), p); err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

// keptLanes is the plan of twoWays where the lanes of these names go on.
func keptLanes(o Options, names ...string) Plan {
	p := o.Plan
	for i := range p.Lanes {
		for _, n := range names {
			p.Lanes[i].Keep = p.Lanes[i].Keep || p.Lanes[i].Name == n
		}
	}
	return p
}

// gated answers v once its gate is opened.
func gated(v relay.Verdict) (p *provider, open func()) {
	gate := make(chan struct{})
	return &provider{answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict {
		<-gate
		return v
	}}, func() { close(gate) }
}

// renamed is a Preparer that shows another sender.
type renamed string

func (r renamed) Prepare(_ context.Context, m relay.Message, b relay.Body, _ upstream.Capabilities, _ []relay.Signature) (upstream.Prepared, error) {
	m.From = string(r)
	return upstream.Prepared{Message: m, Body: b}, nil
}
func (r renamed) Sender(string) string { return string(r) }

// A lane that goes on keeps its breaker, and has another Prepare.
func TestApplyKeeps(t *testing.T) {
	a := always(refused)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		for range 3 {
			w.box.put(w, to("r@x.example", "a"))
		}
		synctest.Wait()
		before := w.s.Lanes()[0]
		if before.Breaker != BreakerOpen {
			t.Fatalf("%+v", before)
		}
		p := keptLanes(oneWay(w.box, always(ok)), "a")
		p.Lanes[0].Prepare = renamed("new@x.example")
		w.apply(p)
		if st := w.s.Lanes()[0]; st != before {
			t.Errorf("it was %+v and is %+v", before, st)
		}
		if got := w.s.course().senderAt("a", "old@x.example"); got != "new@x.example" {
			t.Errorf("the sender is %s", got)
		}
	})
}

// A changed upstream takes over what an operator and the quota have said. Its
// attempts and those of the old one are bounded together.
func TestApplyReplaces(t *testing.T) {
	var slow *provider
	var open func()
	fast := always(ok)
	day := quota.Limit{N: 5, Per: 24 * time.Hour}
	within(t, func(b *box) Options {
		slow, open = gated(ok) // in the bubble
		return metered(oneWay(b, slow), quota.Limit{}, day)
	}, func(w *world) {
		for range 4 {
			w.box.put(w, to("r@x.example", "a"))
		}
		synctest.Wait()
		w.apply(metered(oneWay(w.box, fast), quota.Limit{}, day).Plan)
		if st := w.s.Lanes()[0]; st.InFlight != 2 || st.QuotaRemaining != 3 || fast.attempts() != 0 {
			t.Fatalf("%+v, %d attempts by the new one", st, fast.attempts())
		}
		open()
		synctest.Wait()
		if st := w.s.Lanes()[0]; st.InFlight != 0 || st.QuotaRemaining != 1 || slow.attempts() != 2 || fast.attempts() != 2 {
			t.Fatalf("%+v, %d and %d attempts", st, slow.attempts(), fast.attempts())
		}
		if err := w.s.Pause(w.Context(), "a", "jo"); err != nil {
			t.Fatal(err)
		}
		w.apply(metered(oneWay(w.box, fast), quota.Limit{}, day).Plan)
		if st := w.s.Lanes()[0]; st.PausedBy != "jo" || st.QuotaRemaining != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// What an attempt hears that began before two changes of its upstream, holds for
// the upstream of now: to be asked less, and in smaller transactions.
func TestApplyHeedsEarlierAttempts(t *testing.T) {
	busyFor := with(throttled, func(v *relay.Verdict) { v.RetryAfter = time.Minute })
	tooMany := with(throttled, func(v *relay.Verdict) {
		v.Action, v.Stage, v.Split = relay.ActionRetry, relay.StageRcpt, relay.SplitHalf
	})
	for _, tt := range []struct {
		name  string
		heard relay.Verdict
		pause time.Duration
		most  int // recipients of a transaction; 0: no bound
	}{{"less", busyFor, time.Minute, 0}, {"smaller", tooMany, 0, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			var slow *provider
			var open func()
			within(t, func(b *box) Options {
				slow, open = gated(tt.heard)
				return oneWay(b, slow)
			}, func(w *world) {
				w.box.put(w, to("r@x.example", "a"), to("s@x.example", "a"))
				synctest.Wait()
				for range 2 {
					w.apply(oneWay(w.box, always(ok)).Plan)
				}
				open()
				synctest.Wait()
				if st := w.s.Lanes()[0]; max(0, time.Until(st.PausedUntil)) != tt.pause {
					t.Errorf("%+v, want it to be left alone for %v", st, tt.pause)
				}
				l := w.s.lane("a")
				l.mu.Lock()
				defer l.mu.Unlock()
				if l.shape.Most != tt.most {
					t.Errorf("the shape is %+v, want at most %d", l.shape, tt.most)
				}
			})
		})
	}
}

// An upstream that wants to be asked less is asked as little when something else
// about it changes, and no more than the new plan allows.
func TestApplyKeepsThePace(t *testing.T) {
	paced := func(b *box, a upstream.Transport, connections int) Options {
		o := oneWay(b, a)
		rate := quota.Limit{N: 100, Per: time.Hour}
		o.Lanes[0].MaxConnections, o.Lanes[0].Pace = connections, quota.NewPace(rate, connections)
		return o
	}
	a := each(ok, throttled, ok)
	within(t, func(b *box) Options { return paced(b, a, 8) }, func(w *world) {
		for range 2 {
			w.box.put(w, to("r@x.example", "a"))
			synctest.Wait()
		}
		before := w.s.Lanes()[0]
		if before.Connections != 4 || !before.Slow || before.PausedUntil.IsZero() {
			t.Fatalf("%+v", before)
		}
		for _, tt := range []struct{ most, want int }{{8, 4}, {20, 4}, {3, 3}} {
			w.apply(paced(w.box, a, tt.most).Plan)
			if st := w.s.Lanes()[0]; st.Connections != tt.want || !st.Slow || st.Rate != before.Rate || !st.PausedUntil.Equal(before.PausedUntil) {
				t.Errorf("with %d connections: %+v, before %+v", tt.most, st, before)
			}
		}
	})
}

// A change that mends a disabled upstream ends its incident at once.
func TestApplyMends(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, always(badLogin)) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		if st := w.s.Lanes()[0]; !st.Disabled || st.Incident == 0 {
			t.Fatalf("%+v", st)
		}
		w.apply(oneWay(w.box, always(badLogin)).Plan)
		if st := w.s.Lanes()[0]; !st.Disabled || st.Incident == 0 || len(w.incidents(true)) != 1 {
			t.Fatalf("another bad login: %+v, incidents %+v", st, w.incidents(true))
		}
		w.apply(oneWay(w.box, always(ok)).Plan)
		if st := w.s.Lanes()[0]; st.Breaker != BreakerClosed || len(w.incidents(false)) != 0 {
			t.Errorf("%+v, incidents %+v", st, w.incidents(false))
		}
		w.after(time.Hour)
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

// What is being sent to an upstream that goes is decided by what it began with;
// nothing more is sent there. One that comes back is what it was.
func TestApplyRemoves(t *testing.T) {
	var slow *provider
	var open func()
	within(t, func(b *box) Options {
		slow, open = gated(busy)
		return twoWays(b, slow, always(ok))
	}, func(w *world) {
		sent := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		if err := w.s.Pause(w.Context(), "a", "jo"); err != nil {
			t.Fatal(err)
		}
		p := keptLanes(twoWays(w.box, slow, always(ok)), "b")
		p.Lanes = p.Lanes[1:]
		p.Routes = map[string]Route{"other": {Upstreams: []string{"b"}, Retry: doubling{}, FailoverAfter: 1}}
		w.apply(p)
		open()
		synctest.Wait()
		r := w.box.only(w, sent)
		if w.wantState(r, relay.Queued); r.Attempts != 1 || len(w.incidents(true)) != 0 {
			t.Errorf("%+v, incidents %+v", r, w.incidents(true))
		}
		waits := w.box.put(w, to("r@x.example", "a"))
		w.after(time.Hour)
		w.wantState(w.box.only(w, waits), relay.Queued)
		if slow.attempts() != 1 || len(w.s.Lanes()) != 1 {
			t.Errorf("%d attempts, lanes %+v", slow.attempts(), w.s.Lanes())
		}
		w.apply(keptLanes(twoWays(w.box, always(ok), always(ok)), "b"))
		if st := w.s.Lanes()[0]; st.PausedBy != "jo" {
			t.Errorf("%+v", st)
		}
		if err := w.s.Resume(w.Context(), "a", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.wantState(w.box.only(w, waits), relay.Delivered)
	})
}

// A hundred plans in a row leave no loop and no slot behind.
func TestApplyManyTimes(t *testing.T) {
	a := always(ok)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		for i := range 100 {
			w.box.put(w, to("r@x.example", "a"))
			p := oneWay(w.box, a).Plan
			p.Lanes[0].Keep = i%3 == 0
			w.apply(p)
		}
		w.after(time.Second)
		l := w.s.course().lanes[0]
		l.mu.Lock()
		inFlight, _ := l.inherited()
		elders := len(l.elders)
		l.mu.Unlock()
		if a.attempts() != 100 || inFlight != 0 || elders != 0 {
			t.Errorf("%d attempts, %d under way, %d elders", a.attempts(), inFlight, elders)
		}
	})
}
