package delivery

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream"
)

func TestSecondUnknownOutcomeHolds(t *testing.T) {
	a, b := always(lost), always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		w.wantKinds(id, "in_doubt")
		if r := w.box.only(w, id); r.State != relay.Queued || time.Until(r.NextAttempt) != time.Minute {
			t.Errorf("after the first: %+v", r)
		}
		w.after(time.Minute)
		w.wantState(w.box.only(w, id), relay.Held)
		w.wantKinds(id, "in_doubt in_doubt held incident_opened")
		w.after(time.Hour)
		if a.attempts() != 2 || b.attempts() != 0 {
			t.Errorf("%d and %d attempts, want 2 and none", a.attempts(), b.attempts())
		}
	})
}

func TestUnknownOutcomeByPolicy(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy InDoubt
		kinds  string
		state  relay.State
	}{
		{"hold", InDoubtHold, "in_doubt held", relay.Held},
		{"failover", InDoubtFailover, "in_doubt failover delivered", relay.Delivered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			within(t, func(s *box) Options {
				o := twoWays(s, always(lost), always(ok))
				r := o.Routes["default"]
				r.InDoubt = tt.policy
				o.Routes["default"] = r
				return o
			}, func(w *world) {
				id := w.box.put(w, to("r@x.example", "a", "b"))
				synctest.Wait()
				w.wantState(w.box.only(w, id), tt.state)
				w.wantKinds(id, tt.kinds)
			})
		})
	}
}

// What a process had marked and not settled is an unknown outcome for the next.
func TestStartSettlesDoubts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, events := newBox(), new(tape)
		id := b.put(t, to("sent@x.example", "a"), to("not@x.example", "a"))
		b.Open("a", true)
		due, _, err := b.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Mark(&due[0], []int{0}, nil)(); err != nil {
			t.Fatal(err)
		}
		b.Crash()

		a := always(ok)
		o := oneWay(b, a)
		o.Sink = events
		s := New(o)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		e := b.entry(t, id)
		if r := e.Recipients[0]; r.State != relay.Queued || r.InDoubt != 1 || r.Attempts != 1 {
			t.Errorf("the marked one: %+v", r)
		}
		if r := e.Recipients[1]; r.State != relay.Delivered || r.InDoubt != 0 {
			t.Errorf("the other: %+v", r)
		}
		if told := events.of(relay.EventInDoubt); len(told) != 1 || told[0].To != "sent@x.example" || told[0].Detail != doubtText {
			t.Errorf("in doubt: %+v", told)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if r := b.only(t, id); r.State != relay.Delivered {
			t.Errorf("after the first backoff: %+v", r)
		}
		s.Stop(t.Context())
	})
}

// What was in doubt when its route went is not sent again where the route of today
// holds or discards it.
func TestDoubtsWhoseRouteIsGone(t *testing.T) {
	for _, tt := range []struct {
		action relay.RouteAction
		state  relay.State
		kinds  string
	}{
		{relay.RouteDiscard, relay.Deleted, "in_doubt deleted"},
		{relay.RouteHold, relay.Held, "in_doubt held"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, a := newBox(), always(ok)
			r := to("r@x.example", "a")
			r.Route = "old"
			id := b.put(t, r)
			b.Open("a", true)
			due, _, err := b.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 1})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Mark(&due[0], []int{0}, nil)(); err != nil {
				t.Fatal(err)
			}
			b.Crash()
			o := oneWay(b, a)
			o.Sink = new(tape)
			o.Reassign = func(relay.Message, relay.Recipient, time.Time) (relay.Assignment, bool) {
				return relay.Assignment{Route: "new", Upstreams: []string{"a"}, Action: tt.action}, true
			}
			s := New(o)
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // of the bubble's clock
			if r := b.only(t, id); r.State != tt.state || r.InDoubt != 1 || a.attempts() != 0 {
				t.Errorf("%s, in doubt %d times, %d attempts", r.State, r.InDoubt, a.attempts())
			}
			if got := b.kinds(t, id); got != tt.kinds {
				t.Errorf("events %q, want %q", got, tt.kinds)
			}
			s.Stop(t.Context())
		})
	}
}

func TestStopDrains(t *testing.T) {
	a := &provider{answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict {
		time.Sleep(20 * time.Second)
		return ok
	}}
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		w.s.Stop(w.Context())
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

func TestStopInterruptsAfterTheDrainTime(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer relay.Verdict
		kinds  string
	}{
		{"before the dot", interrupted, "deferred"},
		{"after the dot", lost, "in_doubt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			within(t, func(b *box) Options { return oneWay(b, stalled(tt.answer)) }, func(w *world) {
				id := w.box.put(w, to("r@x.example", "a"))
				synctest.Wait()
				start := time.Now()
				w.s.Stop(w.Context())
				if took := time.Since(start); took != 30*time.Second {
					t.Errorf("stopped after %s, want 30s", took)
				}
				w.wantState(w.box.only(w, id), relay.Queued)
				w.wantKinds(id, tt.kinds)
			})
		})
	}
}

func TestStopEndsWithItsContext(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, stalled(interrupted)) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		start := time.Now()
		w.s.Stop(ctx)
		if took := time.Since(start); took != time.Second {
			t.Errorf("stopped after %s, want 1s", took)
		}
		r := w.box.only(w, id)
		if r.State != relay.Queued || r.Attempts != 0 || !r.NextAttempt.Equal(time.Now()) {
			t.Errorf("an interrupted attempt costs nothing and is due again: %+v", r)
		}
	})
}

func TestPanicHoldsAndTells(t *testing.T) {
	a := &provider{answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict { panic("boom") }}
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"), to("s@x.example", "a"))
		synctest.Wait()
		for _, r := range w.box.entry(w, id).Recipients {
			w.wantState(r, relay.Held)
			if r.HoldReason != "internal error" {
				t.Errorf("held because %q", r.HoldReason)
			}
		}
		w.wantKinds(id, "held incident_opened held")
		if e := w.tape.of(relay.EventIncidentOpened)[0]; !strings.Contains(e.Detail, "boom") {
			t.Errorf("incident %q does not say what went wrong", e.Detail)
		}
	})
}

// After the mark, the final dot may have been sent.
func TestPanicAfterTheMarkIsInDoubt(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, markThenPanic{}) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"), to("s@x.example", "a"))
		synctest.Wait()
		e := w.box.entry(w, id)
		if r := e.Recipients[0]; r.State != relay.Held || r.InDoubt != 1 {
			t.Errorf("the marked one: %+v", r)
		}
		if r := e.Recipients[1]; r.State != relay.Held || r.InDoubt != 0 {
			t.Errorf("the other: %+v", r)
		}
		w.wantKinds(id, "in_doubt held incident_opened held incident_opened")
	})
}

// markThenPanic marks the first recipient, then panics.
type markThenPanic struct{ upstream.Transport }

func (markThenPanic) Deliver(_ context.Context, _ relay.Message, _ []relay.Recipient, h upstream.Handover) []relay.Verdict {
	if err := h.Mark([]int{0})(); err != nil {
		panic(err)
	}
	panic("boom")
}

// Whose time is over when it is claimed is not sent any more.
func TestPastItsTimeIsNotSent(t *testing.T) {
	a := always(ok)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		late, fine := to("late@x.example", "a"), to("fine@x.example", "a")
		late.ExpiresAt = time.Now()
		id := w.box.put(w, late, fine)
		synctest.Wait()
		e := w.box.entry(w, id)
		w.wantState(e.Recipients[0], relay.Expired)
		w.wantState(e.Recipients[1], relay.Delivered)
		if a.attempts() != 1 || len(a.asked) != 1 {
			t.Errorf("asked %v", a.asked)
		}
		if told := w.tape.of(relay.EventExpired)[0]; told.Attempt != 0 || told.Upstream != "" {
			t.Errorf("an attempt is told that was not made: %+v", told)
		}
	})
}

// A retry policy that panics must not cost the recipient that was delivered.
func TestPanicInDecisionSparesTheDelivered(t *testing.T) {
	a := &provider{answer: func(_ context.Context, _ int, _ relay.Message, to relay.Recipient) relay.Verdict {
		if to.Address == "ok@x.example" {
			return ok
		}
		return busy
	}}
	within(t, func(b *box) Options {
		o := oneWay(b, a)
		o.Routes["default"] = Route{Upstreams: []string{"a"}} // no Retry
		return o
	}, func(w *world) {
		id := w.box.put(w, to("ok@x.example", "a"), to("no@x.example", "a"))
		synctest.Wait()
		e := w.box.entry(w, id)
		w.wantState(e.Recipients[0], relay.Delivered)
		w.wantState(e.Recipients[1], relay.Held)
	})
}

func TestDamagedBodyIsHeld(t *testing.T) {
	a := always(ok)
	within(t, func(b *box) Options { b.readErr = relay.ErrBodyDamaged; return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		w.wantState(w.box.only(w, id), relay.Held)
		w.wantKinds(id, "held incident_opened")
	})
}

func TestRouteThatIsGone(t *testing.T) {
	reassign := func(_ relay.Message, r relay.Recipient, _ time.Time) (relay.Assignment, bool) {
		return relay.Assignment{Route: "default", Upstreams: []string{"b"}, ExpiresAt: r.ExpiresAt.Add(time.Hour)}, r.Address == "moved@x.example"
	}
	a, b := always(ok), always(ok)
	within(t, func(s *box) Options {
		o := twoWays(s, a, b)
		o.Reassign = reassign
		return o
	}, func(w *world) {
		var ids []relay.ID
		for _, address := range []string{"moved@x.example", "lost@x.example", "lost2@x.example"} {
			r := to(address, "a")
			r.Route = "old"
			ids = append(ids, w.box.put(w, r))
		}
		synctest.Wait()
		moved := w.box.only(w, ids[0])
		w.wantState(moved, relay.Delivered)
		if moved.Upstream != "b" || moved.Route != "default" {
			t.Errorf("went by %s on %s", moved.Upstream, moved.Route)
		}
		if want := to("", "").ExpiresAt; !moved.ExpiresAt.Equal(want) {
			t.Errorf("expires at %v now, want %v", moved.ExpiresAt, want)
		}
		for _, id := range ids[1:] {
			r := w.box.only(w, id)
			w.wantState(r, relay.Held)
			if !strings.Contains(r.HoldReason, "its route old is gone") {
				t.Errorf("held because %q", r.HoldReason)
			}
		}
		if n := len(w.tape.of(relay.EventIncidentOpened)); n != 1 {
			t.Errorf("%d incidents, want 1 for the route", n)
		}
		if a.attempts() != 0 {
			t.Error("a was asked for mail whose route is gone")
		}
	})
}

// The only upstream of a route is away for five days: the mail expires once,
// and not before.
func TestExpiresInALongOutage(t *testing.T) {
	a := always(refused)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		var ids []relay.ID
		for range 5 {
			ids = append(ids, w.box.put(w, to("r@x.example", "a")))
		}
		w.after(5*24*time.Hour - time.Second)
		for _, id := range ids {
			w.wantState(w.box.only(w, id), relay.Queued)
		}
		w.after(time.Minute)
		for _, id := range ids {
			r := w.box.only(w, id)
			w.wantState(r, relay.Expired)
			if late := r.FinishedAt.Sub(r.ExpiresAt); late < 0 || late > time.Minute {
				t.Errorf("expired %s after its time", late)
			}
		}
		if n := len(w.tape.of(relay.EventExpired)); n != len(ids) {
			t.Errorf("%d expired events, want %d", n, len(ids))
		}
		if n := a.attempts(); n > 20 {
			t.Errorf("%d attempts with mail at an upstream that does not answer the phone", n)
		}
	})
}

func TestLoneMessageAsksLessAndLess(t *testing.T) {
	a := always(reset)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		w.after(5*24*time.Hour + time.Minute)
		w.wantState(w.box.only(w, id), relay.Expired)
		if n := a.attempts(); n < 115 || n > 135 {
			t.Errorf("%d attempts in five days, want about one in an hour", n)
		}
		if n := len(w.tape.of(relay.EventUpstreamDown)); n != 0 {
			t.Error("one message opened the breaker")
		}
	})
}

// An upstream that does not answer is down, be there one message for it or
// many: no message can be to blame.
func TestLoneMessageFindsItsUpstreamDown(t *testing.T) {
	a := always(refused)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		w.after(time.Hour)
		w.wantState(w.box.only(w, id), relay.Queued)
		if n := len(w.tape.of(relay.EventUpstreamDown)); n != 1 {
			t.Errorf("%d times down, want 1", n)
		}
		if n := a.attempts(); n != 3 { // as the lanes of these tests have it
			t.Errorf("%d attempts with mail, want 3, and probes from then on", n)
		}
	})
}

func TestExpiresWhileHeld(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, always(unverif)) }, func(w *world) {
		r := to("r@x.example", "a")
		r.ExpiresAt = time.Now().Add(10 * time.Minute)
		id := w.box.put(w, r)
		synctest.Wait()
		w.wantState(w.box.only(w, id), relay.Held)
		w.after(11 * time.Minute)
		w.wantState(w.box.only(w, id), relay.Expired)
		// It is tried now and then, by itself: at 1, 2, 4 and 8 minutes.
		w.wantKinds(id, "held incident_opened held held held held expired")
	})
}

func TestFailedSpoolStopsClaims(t *testing.T) {
	a := always(ok)
	synctest.Test(t, func(t *testing.T) {
		b := newBox()
		b.settleErr = spool.ErrFailed
		o := oneWay(b, a)
		o.Lanes[0].MaxConnections, o.Sink = 1, new(tape)
		s := New(o)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			b.put(t, to("r@x.example", "a"))
		}
		time.Sleep(time.Hour)
		s.Stop(t.Context())
		if n := a.attempts(); n > 2 {
			t.Errorf("%d attempts, want no claim after the settlement that failed", n)
		}
	})
}

func TestOutcomeThatCannotBeStored(t *testing.T) {
	a, events := always(ok), new(tape)
	synctest.Test(t, func(t *testing.T) {
		b := newBox()
		b.settleErr = errors.New("a bug")
		o := oneWay(b, a)
		o.Sink = events
		s := New(o)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.put(t, to("r@x.example", "a"))
		time.Sleep(time.Hour)
		s.Stop(t.Context())
		if n := a.attempts(); n != 1 {
			t.Errorf("%d attempts, want 1: the lease stays", n)
		}
		if len(events.of(relay.EventIncidentOpened)) != 1 || len(events.of(relay.EventDelivered)) != 0 {
			t.Errorf("events %+v", events.events)
		}
	})
}

// Recipients that are deferred in one attempt go together in the next, however
// the policy spreads its delays.
func TestWhoIsDeferredTogetherGoesTogether(t *testing.T) {
	a := each(greylist, ok)
	within(t, func(b *box) Options {
		o := oneWay(b, a)
		var drawn atomic.Int64
		o.Random = func() float64 { return float64(drawn.Add(1)) / 100 }
		r := o.Routes["default"]
		r.Retry = spread{}
		o.Routes["default"] = r
		return o
	}, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"), to("s@x.example", "a"), to("t@x.example", "a"))
		w.after(2 * time.Minute)
		for _, r := range w.box.entry(w, id).Recipients {
			w.wantState(r, relay.Delivered)
		}
		if n := a.attempts(); n != 2 {
			t.Errorf("%d attempts, want 2", n)
		}
	})
}

// spread is a policy of a minute and up to another one.
type spread struct{}

func (spread) Delay(_ int, random float64) (time.Duration, bool) {
	return time.Minute + time.Duration(random*float64(time.Minute)), true
}

// A start that is given up leaves its doubts to the next one.
func TestStartThatIsGivenUpLeavesDoubts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox()
		b.put(t, to("sent@x.example", "a"))
		b.Open("a", true)
		due, _, err := b.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Mark(&due[0], []int{0}, nil)(); err != nil {
			t.Fatal(err)
		}
		b.Crash()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b.settleErr = ctx.Err()
		o := oneWay(b, always(ok))
		o.Sink = new(tape)
		if err := New(o).Start(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Start gave %v", err)
		}
		b.Crash()
		if doubts, err := b.Doubts(t.Context()); len(doubts) != 1 || err != nil {
			t.Errorf("%d doubts, %v, want one", len(doubts), err)
		}
	})
}
