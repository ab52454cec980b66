package delivery

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a scheduler with its surroundings, started, in a bubble.
type world struct {
	*testing.T
	box  *box
	tape *tape
	s    *Scheduler
}

// twoWays are the options of most tests: the upstreams a and b, in this order.
func twoWays(b *box, a, second upstream.Transport) Options {
	breaker := Breaker{Failures: 3, Cooldown: 30 * time.Second, MaxCooldown: 15 * time.Minute}
	o := Options{
		Spool: b,
		Plan: Plan{
			Lanes: []Lane{{Name: "a", Transport: a, MaxConnections: 2, MaxRecipients: 10, Breaker: breaker}},
			Routes: map[string]Route{
				"default": {Upstreams: []string{"a"}, Retry: doubling{}, FailoverAfter: 1},
			},
		},
		Random: func() float64 { return 0 },
	}
	if second != nil {
		o.Lanes = append(o.Lanes, Lane{Name: "b", Transport: second, MaxConnections: 2, MaxRecipients: 10, Breaker: breaker})
		r := o.Routes["default"]
		r.Upstreams = []string{"a", "b"}
		o.Routes["default"] = r
	}
	return o
}

// oneWay has the upstream a alone.
func oneWay(b *box, a upstream.Transport) Options { return twoWays(b, a, nil) }

// within runs fn in a bubble with a started scheduler, stops it, and checks
// that no lease is left.
func within(t *testing.T, make func(*box) Options, fn func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox()
		o := make(b)
		w := &world{T: t, box: b, tape: new(tape)}
		o.Sink = w.tape
		w.s = New(o)
		if err := w.s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		fn(w)
		w.s.Stop(t.Context())
		w.checkNoLease()
	})
}

func (w *world) checkNoLease() {
	w.Helper()
	if err := w.box.List(w.Context(), spool.Filter{States: []relay.State{relay.Sending}}, func(e spool.Entry) error {
		return errors.New(string(e.Message.ID) + " is leased still")
	}); err != nil {
		w.Error(err)
	}
}

// after lets d pass.
func (w *world) after(d time.Duration) {
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
}

func (w *world) wantState(r relay.Recipient, want relay.State) {
	w.Helper()
	if r.State != want {
		w.Errorf("%s is %s (%s), want %s", r.Address, r.State, r.HoldReason, want)
	}
}

func (w *world) wantKinds(id relay.ID, want string) {
	w.Helper()
	if got := w.box.kinds(w, id); got != want {
		w.Errorf("events %q, want %q", got, want)
	}
}

func TestDelivers(t *testing.T) {
	a := always(ok)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		r := w.box.only(w, id)
		w.wantState(r, relay.Delivered)
		if r.RemoteID != "R1" || r.Attempts != 1 || r.Upstream != "a" || r.FinishedAt.IsZero() {
			t.Errorf("recipient %+v", r)
		}
		w.wantKinds(id, "delivered")
		e := w.tape.of(relay.EventDelivered)[0]
		if e.To != "r@x.example" || e.From != "a@x.example" || e.Attempt != 1 || e.Size == 0 || e.MessageID == "" || e.Verdict.Code != 250 {
			t.Errorf("event %+v", e)
		}
	})
}

func TestEachRecipientHasItsFate(t *testing.T) {
	a := &provider{answer: func(_ context.Context, n int, _ relay.Message, to relay.Recipient) relay.Verdict {
		switch {
		case to.Address == "gone@x.example":
			return noUser
		case to.Address == "grey@x.example" && n == 1:
			return greylist
		}
		return ok
	}}
	within(t, func(b *box) Options { return twoWays(b, a, always(ok)) }, func(w *world) {
		id := w.box.put(w, to("ok@x.example", "a", "b"), to("grey@x.example", "a", "b"), to("gone@x.example", "a", "b"))
		synctest.Wait()
		e := w.box.entry(w, id)
		w.wantState(e.Recipients[0], relay.Delivered)
		w.wantState(e.Recipients[1], relay.Queued)
		w.wantState(e.Recipients[2], relay.Bounced)
		w.after(time.Minute)
		w.wantState(w.box.entry(w, id).Recipients[1], relay.Delivered)
		if want := []string{"ok@x.example", "grey@x.example", "gone@x.example", "grey@x.example"}; !slices.Equal(a.asked, want) {
			t.Errorf("asked %v, want %v", a.asked, want)
		}
		w.wantKinds(id, "delivered deferred bounced delivered")
	})
}

func TestFailsOverInTheSameMinute(t *testing.T) {
	b := always(ok)
	within(t, func(s *box) Options { return twoWays(s, always(refused), b) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait() // no time passes
		r := w.box.only(w, id)
		w.wantState(r, relay.Delivered)
		if r.Upstream != "b" || r.Attempts != 1 {
			t.Errorf("delivered by %s after %d attempts, want b after 1: a dial that fails costs none", r.Upstream, r.Attempts)
		}
		w.wantKinds(id, "failover delivered")
	})
}

func TestBackoffBeginsWhenEachHadItsTurn(t *testing.T) {
	a, b := each(busy, busy, ok), always(busy)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		r := w.box.only(w, id)
		w.wantKinds(id, "failover deferred")
		if got := time.Until(r.NextAttempt); got != 2*time.Minute || r.Attempts != 2 {
			t.Errorf("next attempt in %s after %d attempts, want 2m after 2", got, r.Attempts)
		}
		w.after(2 * time.Minute)
		w.wantKinds(id, "failover deferred failover deferred")
		w.after(8 * time.Minute)
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

// An upstream that stalls keeps its own connections busy and nobody else's.
func TestDeadUpstreamSlowsNoOther(t *testing.T) {
	a, b := stalled(interrupted), always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		var waiting, served []relay.ID
		for range 10 {
			waiting = append(waiting, w.box.put(w, to("r@x.example", "a")))
			served = append(served, w.box.put(w, to("s@x.example", "b")))
		}
		synctest.Wait()
		for i := range served {
			w.wantState(w.box.only(w, served[i]), relay.Delivered)
		}
		if a.most != 2 || a.attempts() != 2 {
			t.Errorf("a has %d attempts at once, %d in all, want 2", a.most, a.attempts())
		}
		w.s.Stop(w.Context())
		for _, id := range waiting {
			w.wantState(w.box.only(w, id), relay.Queued)
		}
	})
}

func TestHighPriorityGoesFirst(t *testing.T) {
	a := always(ok)
	synctest.Test(t, func(t *testing.T) {
		b := newBox()
		for _, p := range []relay.Priority{relay.Low, relay.Normal, relay.High} {
			r := to(p.String(), "a")
			r.Priority = p
			b.put(t, r)
		}
		o := oneWay(b, a)
		o.Lanes[0].MaxConnections, o.Sink = 1, new(tape)
		s := New(o)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.Stop(t.Context())
		if want := []string{"high", "normal", "low"}; !slices.Equal(a.asked, want) {
			t.Errorf("asked %v, want %v", a.asked, want)
		}
	})
}

func TestLaneWaitsWhenAskedToSlowDown(t *testing.T) {
	a := each(throttled, ok)
	within(t, func(b *box) Options {
		o := oneWay(b, a)
		o.Lanes[0].MaxConnections = 1
		return o
	}, func(w *world) {
		first := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		second := w.box.put(w, to("s@x.example", "a"))
		synctest.Wait()
		if n := a.attempts(); n != 1 {
			t.Fatalf("%d attempts at once, want 1", n)
		}
		w.after(slowDelay)
		w.wantState(w.box.only(w, first), relay.Delivered)
		w.wantState(w.box.only(w, second), relay.Delivered)
		if r := w.box.only(w, first); r.Attempts != 1 {
			t.Errorf("%d attempts were counted, want 1: to be throttled costs none", r.Attempts)
		}
	})
}

func TestMoreThanTheSlotsAllGo(t *testing.T) {
	a := always(ok)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		var all []relay.ID
		for range 50 {
			all = append(all, w.box.put(w, to("r@x.example", "a")))
		}
		synctest.Wait()
		for _, id := range all {
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		if a.most > 2 {
			t.Errorf("%d attempts at once, want 2 at most", a.most)
		}
		st := w.s.Lanes()[0]
		if st.InFlight != 0 || st.Settling != 0 || st.Breaker != BreakerClosed {
			t.Errorf("status %+v", st)
		}
	})
}
