package delivery

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
)

// An upstream that refuses connections is probed without mail, and its mail
// goes the other way meanwhile.
func TestBreakerIsProbedWithoutMail(t *testing.T) {
	var healed atomic.Bool
	a := &provider{
		answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict {
			if healed.Load() {
				return ok
			}
			return refused
		},
		probe: func(int) relay.Verdict {
			if healed.Load() {
				return with(ok, func(v *relay.Verdict) { v.Stage = relay.StageAuth })
			}
			return refused
		},
	}
	b := always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		for range 3 {
			w.box.put(w, to("r@x.example", "a", "b"))
			synctest.Wait()
		}
		if st := w.s.Lanes()[0]; st.Breaker != BreakerOpen || time.Until(st.OpenUntil) != 30*time.Second || st.Cause != refused {
			t.Fatalf("status %+v", st)
		}
		for range 5 {
			id := w.box.put(w, to("r@x.example", "a", "b"))
			synctest.Wait()
			w.wantKinds(id, "delivered")
		}
		w.after(30*time.Second + time.Minute + time.Second)
		if len(a.probes) != 2 || a.attempts() != 3 {
			t.Errorf("%d probes, %d attempts, want 2 and 3", len(a.probes), a.attempts())
		}
		healed.Store(true)
		w.after(2 * time.Minute)
		id := w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		if r := w.box.only(w, id); r.Upstream != "a" {
			t.Errorf("went by %q after a has recovered", r.Upstream)
		}
		down, up := w.tape.of(relay.EventUpstreamDown), w.tape.of(relay.EventUpstreamUp)
		if len(down) != 1 || len(up) != 1 || down[0].Verdict != refused || down[0].Upstream != "a" {
			t.Errorf("down %+v, up %+v", down, up)
		}
	})
}

// An account that is paused at the dot can only be probed by a message: one at
// a time, each time another, and the rest goes the other way meanwhile.
func TestBreakerIsProbedByOneMessage(t *testing.T) {
	var healed atomic.Bool
	a := &provider{answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict {
		time.Sleep(10 * time.Second)
		if healed.Load() {
			return ok
		}
		return paused
	}}
	within(t, func(s *box) Options {
		o := twoWays(s, a, always(ok))
		o.Lanes[0].MaxConnections = 1
		return o
	}, func(w *world) {
		w.box.put(w, to("r@x.example", "a", "b"))
		w.after(10 * time.Second)
		if st := w.s.Lanes()[0]; st.Breaker != BreakerOpen {
			t.Fatalf("status %+v, want open at once", st)
		}
		w.after(30 * time.Second)
		probe := w.box.put(w, to("probe@x.example", "a", "b"))
		synctest.Wait()
		if st := w.s.Lanes()[0]; st.Breaker != BreakerHalfOpen || st.InFlight != 1 {
			t.Fatalf("status %+v, want one probe", st)
		}
		for range 5 {
			id := w.box.put(w, to("r@x.example", "a", "b"))
			synctest.Wait()
			if r := w.box.only(w, id); r.Upstream != "b" {
				t.Errorf("%s by %q while a is probed", r.State, r.Upstream)
			}
		}
		w.after(10 * time.Second)
		w.wantKinds(probe, "failover delivered")
		healed.Store(true)
		w.after(time.Minute)
		probe = w.box.put(w, to("probe@x.example", "a", "b"))
		w.after(10 * time.Second)
		if r := w.box.only(w, probe); r.Upstream != "a" || r.State != relay.Delivered {
			t.Errorf("probe %s by %q", r.State, r.Upstream)
		}
		opened, closed := w.tape.of(relay.EventIncidentOpened), w.tape.of(relay.EventIncidentClosed)
		if len(opened) != 1 || len(closed) != 1 {
			t.Errorf("incidents opened %+v, closed %+v, want one", opened, closed)
		}
		if len(a.probes) != 0 {
			t.Error("probed by a login, which cannot reach the stage that failed")
		}
	})
}

// poisoned takes all mail but that to one recipient.
func poisoned(v relay.Verdict) *provider {
	return &provider{answer: func(_ context.Context, _ int, _ relay.Message, to relay.Recipient) relay.Verdict {
		if to.Address == "poison@x.example" {
			return v
		}
		return ok
	}}
}

// A message that every upstream resets costs itself attempts, and opens no
// breaker; all others go at their first try while it is tried and tried again.
func TestPoisonousMessageOpensNoBreaker(t *testing.T) {
	const days = 5
	a, b := poisoned(reset), poisoned(reset)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		poison := w.box.put(w, to("poison@x.example", "a", "b"))
		for range days * 24 * 6 {
			id := w.box.put(w, to("r@x.example", "a", "b"))
			w.after(10 * time.Minute)
			if r := w.box.only(w, id); r.State != relay.Delivered || r.Upstream != "a" || r.Attempts != 1 {
				t.Fatalf("another message is %s by %q after %d attempts", r.State, r.Upstream, r.Attempts)
			}
		}
		w.after(time.Minute)
		w.wantState(w.box.only(w, poison), relay.Expired)
		if n := len(w.tape.of(relay.EventUpstreamDown)); n != 0 {
			t.Errorf("a breaker opened %d times", n)
		}
		for _, p := range []*provider{a, b} {
			n := 0
			for _, address := range p.asked {
				if address == "poison@x.example" {
					n++
				}
			}
			if n < days*24/2 || n > 130 {
				t.Errorf("%d attempts at one upstream in %d days", n, days)
			}
		}
	})
}

// A recipient at whom the upstream answers as if the account were disabled, though
// others pass, is held alone: the lane is not closed for it again.
func TestOneRecipientDisablesNobodyTwice(t *testing.T) {
	a := poisoned(paused)
	within(t, func(s *box) Options { return oneWay(s, a) }, func(w *world) {
		poison := w.box.put(w, to("poison@x.example", "a"))
		for range 60 {
			id := w.box.put(w, to("r@x.example", "a"))
			w.after(time.Minute)
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		r := w.box.only(w, poison)
		w.wantState(r, relay.Held)
		if i := w.incidents(false); len(i) != 1 || i[0].Kind != relay.IncidentMessage || i[0].Number != r.Incident {
			t.Errorf("open: %+v; held by %d", i, r.Incident)
		}
		if n := len(w.tape.of(relay.EventUpstreamDown)); n != 1 {
			t.Errorf("down %d times, want once", n)
		}
	})
}

// An upstream that does not let us begin, for now, keeps no mail from another that
// does: not what it has answered, nor what comes while it is left alone.
func TestABusyGreetingKeepsNothing(t *testing.T) {
	goingAway := with(throttled, func(v *relay.Verdict) {
		v.Stage, v.Code, v.Then, v.RetryAfter = relay.StageGreeting, 421, relay.ActionFailover, 30*time.Second
	})
	atTheDot := with(goingAway, func(v *relay.Verdict) { v.Stage = relay.StageBody })
	a, b := each(goingAway, atTheDot, ok), always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		for range 30 {
			id := w.box.put(w, to("r@x.example", "a", "b"))
			w.after(6 * time.Second) // what has got to the dot waits for a moment, then goes on
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		if n := a.attempts(); n < 3 || b.attempts() != 32-n {
			t.Errorf("%d attempts at a, %d at b", n, b.attempts())
		}
		if len(w.incidents(false)) != 0 || w.s.Lanes()[0].Breaker != BreakerClosed {
			t.Errorf("%+v, %+v", w.incidents(false), w.s.Lanes()[0])
		}
	})
}

// A probe is another message than those that failed, if one is due.
func TestProbeTakesAnotherMessage(t *testing.T) {
	a := poisoned(paused)
	within(t, func(s *box) Options { return oneWay(s, a) }, func(w *world) {
		poison := w.box.put(w, to("poison@x.example", "a"))
		synctest.Wait()
		good := to("good@x.example", "a")
		good.Priority = relay.Low // behind the other in the line
		good.NextAttempt = w.box.only(w, poison).NextAttempt
		id := w.box.put(w, good)
		w.after(time.Minute)
		w.wantState(w.box.only(w, id), relay.Delivered)
		if want := []string{"poison@x.example", "good@x.example", "poison@x.example"}; !slices.Equal(a.asked, want) {
			t.Errorf("asked %v, want %v", a.asked, want)
		}
	})
}

// A message that was on its way to an upstream that closes goes back to one
// that is open: it does not wait for the end of the outage.
func TestNobodyWaitsForAClosedUpstream(t *testing.T) {
	a, b := each(busy, ok), always(refused)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		r := to("stuck@x.example", "b", "a") // a had its turn
		r.NextAttempt = time.Now().Add(time.Minute)
		id := w.box.put(w, r)
		for range 3 {
			w.box.put(w, to("r@x.example", "b"))
		}
		synctest.Wait()
		if st := w.s.Lanes()[1]; st.Breaker != BreakerOpen {
			t.Fatalf("status %+v", st)
		}
		w.after(time.Minute)
		if r := w.box.only(w, id); r.Upstream != "a" {
			t.Errorf("%s, asked %q while b is down", r.State, r.Upstream)
		}
	})
}

func TestProbeThatPanicsIsAFailure(t *testing.T) {
	a := always(refused)
	a.probe = func(int) relay.Verdict { panic("boom") }
	within(t, func(s *box) Options { return oneWay(s, a) }, func(w *world) {
		for range 3 {
			w.box.put(w, to("r@x.example", "a"))
		}
		w.after(31 * time.Second)
		if st := w.s.Lanes()[0]; st.Breaker != BreakerOpen {
			t.Errorf("status %+v", st)
		}
		if n := len(w.tape.of(relay.EventIncidentOpened)); n != 1 {
			t.Errorf("%d incidents, want 1", n)
		}
	})
}

// An upstream that answers its probe with a wish to be asked less is left
// alone for a while; its mail does not wait for that where another is up.
func TestNobodyWaitsForAPausedProbe(t *testing.T) {
	slow := with(throttled, func(v *relay.Verdict) { v.RetryAfter = time.Minute })
	a, b := each(paused, slow, ok), always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		w.after(30 * time.Second)
		w.box.put(w, to("probe@x.example", "a", "b"))
		synctest.Wait()
		if st := w.s.Lanes()[0]; st.Breaker != BreakerHalfOpen || time.Until(st.PausedUntil) != time.Minute {
			t.Fatalf("status %+v, want half-open and paused", st)
		}
		id := w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		if r := w.box.only(w, id); r.State != relay.Delivered || r.Upstream != "b" {
			t.Errorf("%s by %q while a is paused", r.State, r.Upstream)
		}
		w.after(time.Minute)
		id = w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		if r := w.box.only(w, id); r.Upstream != "a" {
			t.Errorf("%s by %q after the pause", r.State, r.Upstream)
		}
	})
}
