package delivery

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/quota"
)

// A mail that has its sender refused, while others of that sender pass, is held
// alone, and they wait for nothing.
func TestOneMailRefusesNoSenderTwice(t *testing.T) {
	a := poisoned(unverif)
	within(t, func(s *box) Options { return oneWay(s, a) }, func(w *world) {
		poison := w.box.put(w, to("poison@x.example", "a"))
		w.after(time.Second)
		for range 60 {
			w.box.put(w, to("r@x.example", "a"))
			w.after(10 * time.Second)
		}
		w.after(time.Minute)
		r := w.box.only(w, poison)
		w.wantState(r, relay.Held)
		open := w.incidents(false)
		if len(open) != 1 || open[0].Kind != relay.IncidentMessage || open[0].Number != r.Incident {
			t.Errorf("open: %+v; held by %d", open, r.Incident)
		}
		if n := len(w.tape.of(relay.EventIncidentOpened)); n != 2 { // of the sender, once, and of the mail
			t.Errorf("%d incidents", n)
		}
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

// That another upstream has answered meanwhile does not clear a mail.
func TestAnotherUpstreamClearsNoSuspect(t *testing.T) {
	a, b := poisoned(paused), poisoned(busy)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		w.box.put(w, to("poison@x.example", "a", "b"))
		for range 6 * 60 {
			w.box.put(w, to("r@x.example", "a", "b"))
			w.after(10 * time.Second)
		}
		if n := len(w.tape.of(relay.EventUpstreamDown)); n != 1 {
			t.Errorf("down %d times, want once", n)
		}
	})
}

// A login that is refused again is about no mail: nothing is held for it.
func TestARefusedLoginBlamesNoMail(t *testing.T) {
	var good atomic.Bool
	login := func() relay.Verdict {
		if good.Load() {
			return ok
		}
		return badLogin
	}
	a := &provider{
		answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict { return login() },
		probe:  func(int) relay.Verdict { return login() },
	}
	within(t, func(s *box) Options { return oneWay(s, a) }, func(w *world) {
		var ids []relay.ID
		for i := range 20 {
			for range 3 {
				ids = append(ids, w.box.put(w, to("r@x.example", "a")))
			}
			w.after(20 * time.Second)
			good.Store(i%3 != 0)
		}
		good.Store(true)
		w.after(20 * time.Minute)
		for _, id := range ids {
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		if open := w.incidents(false); len(open) != 0 {
			t.Errorf("open: %+v", open)
		}
	})
}

// An upstream that is going away is left alone as before after a reload and after a
// restart: its mail goes the other way.
func TestGoingAwayIsNotForgotten(t *testing.T) {
	goingAway := with(throttled, func(v *relay.Verdict) {
		v.Stage, v.Code, v.Then, v.RetryAfter = relay.StageGreeting, 421, relay.ActionFailover, time.Minute
	})
	for _, tt := range []struct {
		name   string
		change func(*world, Options)
	}{
		{"reload", func(w *world, o Options) { w.apply(o.Plan) }},
		{"restart", func(w *world, o Options) { w.restart(o) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := always(goingAway), always(ok)
			options := func(s *box) Options { return metered(twoWays(s, a, b), quota.Limit{}) }
			within(t, options, func(w *world) {
				w.box.put(w, to("r@x.example", "a", "b"))
				synctest.Wait()
				tt.change(w, options(w.box))
				w.after(5 * time.Second)
				id := w.box.put(w, to("r@x.example", "a", "b"))
				synctest.Wait()
				if r := w.box.only(w, id); r.State != relay.Delivered || a.attempts() != 1 {
					t.Errorf("%s, %d attempts at a", r.State, a.attempts())
				}
			})
		})
	}
}
