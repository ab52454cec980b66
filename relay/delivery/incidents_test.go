package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// restart ends the scheduler of w as the end of a process does, and starts
// another one on the same spool.
func (w *world) restart(o Options) {
	w.Helper()
	w.s.Stop(w.Context())
	w.box.Crash()
	o.Sink = w.tape
	w.s = New(o)
	if err := w.s.Start(w.Context()); err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) incidents(all bool) []relay.Incident {
	w.Helper()
	found, err := w.box.Incidents(w.Context(), all)
	if err != nil {
		w.Fatal(err)
	}
	return found
}

// switchable answers bad until it is healed.
func switchable(bad relay.Verdict) (*provider, *atomic.Bool) {
	healed := new(atomic.Bool)
	now := func() relay.Verdict {
		if healed.Load() {
			return ok
		}
		return bad
	}
	return &provider{
		answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict { return now() },
		probe:  func(int) relay.Verdict { return now() },
	}, healed
}

// An answer that somebody should know of opens an incident at its first
// message, though the mail goes on and the upstream stays open.
func TestWarning(t *testing.T) {
	blocked := relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionFailover,
		Stage: relay.StageRcpt, Code: 554, Rule: "client-blocked", Warn: true,
	}
	a, _ := switchable(blocked)
	options := func(b *box) Options { return twoWays(b, a, always(ok)) }
	within(t, options, func(w *world) {
		for range 2 {
			id := w.box.put(w, to("b@x.example", "a", "b"))
			synctest.Wait()
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		found := w.incidents(false)
		if len(found) != 1 || found[0].Kind != relay.IncidentWarning || found[0].Times != 1 || found[0].Upstream != "a" {
			t.Fatalf("incidents: %+v", found)
		}
		w.restart(options(w.box))
		if st := w.s.Lanes()[0]; st.Breaker != BreakerClosed || st.Incident != 0 {
			t.Errorf("after a restart the lane is %+v", st)
		}
		if _, _, err := w.s.ResolveIncident(w.Context(), found[0].Number, "me"); err != nil || len(w.incidents(false)) != 0 {
			t.Errorf("%v, and open is %+v", err, w.incidents(false))
		}
	})
}

// An account that fails, works, and fails again is one incident, told when it
// opens and when it closes.
func TestIncidentKeepsItsNumber(t *testing.T) {
	a, healed := switchable(badLogin)
	within(t, func(b *box) Options { return twoWays(b, a, always(ok)) }, func(w *world) {
		for range 3 {
			w.box.put(w, to("r@x.example", "a", "b"))
			w.after(10 * time.Minute) // some failing probes
		}
		if open := w.incidents(false); len(open) != 1 || open[0].Kind != relay.IncidentUpstream || open[0].Number != 1 {
			t.Fatalf("open: %+v", open)
		}
		if n := len(w.tape.of(relay.EventIncidentOpened)); n != 1 {
			t.Errorf("opened %d times", n)
		}
		healed.Store(true)
		w.after(16 * time.Minute)
		if all := w.incidents(true); all[0].Open() || all[0].ClosedBy != byProbe || w.s.Lanes()[0].Incident != 0 {
			t.Errorf("not closed by the probe: %+v", all)
		}
		healed.Store(false)
		w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		if open := w.incidents(false); len(open) != 1 || open[0].Number != 1 || open[0].Times != 2 {
			t.Errorf("opened again: %+v", open)
		}
		opened, closed := w.tape.of(relay.EventIncidentOpened), w.tape.of(relay.EventIncidentClosed)
		if len(opened) != 2 || len(closed) != 1 || opened[1].Incident != 1 || closed[0].Incident != 1 {
			t.Errorf("opened %+v, closed %+v", opened, closed)
		}
	})
}

// What was disabled is so after a restart: no mail is tried there, and the
// probes go on where they were.
func TestDisabledAtStartStaysDisabled(t *testing.T) {
	a, healed := switchable(badLogin)
	within(t, func(b *box) Options { return twoWays(b, a, always(ok)) }, func(w *world) {
		w.box.put(w, to("r@x.example", "a", "b"))
		w.after(5 * time.Minute)
		wait := time.Until(w.s.Lanes()[0].OpenUntil)
		probes := a.probed()
		w.restart(twoWays(w.box, a, always(ok)))
		st := w.s.Lanes()[0]
		if st.Breaker != BreakerOpen || !st.Disabled || st.Reason != LaneDisabled || st.Incident != 1 || time.Until(st.OpenUntil) > wait {
			t.Fatalf("status %+v, want disabled for at most %s", st, wait)
		}
		id := w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		if r := w.box.only(w, id); r.Upstream != "b" || a.attempts() != 1 || a.probed() != probes {
			t.Errorf("by %s; a has %d attempts and %d probes more", r.Upstream, a.attempts(), a.probed()-probes)
		}
		healed.Store(true)
		w.after(15 * time.Minute)
		if st := w.s.Lanes()[0]; st.Breaker != BreakerClosed || len(w.incidents(false)) != 0 {
			t.Errorf("status %+v, open %+v", st, w.incidents(false))
		}
		if n := len(w.tape.of(relay.EventIncidentOpened)); n != 1 {
			t.Errorf("opened %d times", n)
		}
	})
}

// fromSender refuses one sender.
func fromSender(bad string, healed *atomic.Bool) *provider {
	return &provider{answer: func(_ context.Context, _ int, m relay.Message, _ relay.Recipient) relay.Verdict {
		if m.From == bad && !healed.Load() {
			return unverif
		}
		return ok
	}}
}

// putFrom is put with a sender.
func (b *box) putFrom(t testing.TB, from string, to ...relay.Recipient) relay.ID {
	t.Helper()
	m := relay.Message{ID: spool.NewID(), From: from, ReceivedAt: time.Now()}
	if err := b.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader("Subject: hi\r\n\r\n")}); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

// A refused sender is not asked for again and again: its mail is held at once,
// other senders' flows, and what was held goes when an operator says so.
func TestSenderIsHeldAndResolved(t *testing.T) {
	var healed atomic.Bool
	a := fromSender("bad@x.example", &healed)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		var held []relay.ID
		for range 20 {
			held = append(held, w.box.putFrom(w, "bad@x.example", to("r@x.example", "a")))
			synctest.Wait()
			good := w.box.putFrom(w, "good@x.example", to("r@x.example", "a"))
			synctest.Wait()
			w.wantState(w.box.only(w, good), relay.Delivered)
		}
		if n := a.attempts(); n != 21 {
			t.Errorf("%d attempts, want 20 for the good sender and one for the other", n)
		}
		open := w.incidents(false)
		if len(open) != 1 || open[0].Kind != relay.IncidentSender || open[0].Sender != "bad@x.example" || open[0].Held != 20 {
			t.Fatalf("open: %+v", open)
		}
		healed.Store(true)
		if _, _, err := w.s.ResolveIncident(w.Context(), 9, "jo"); !errors.Is(err, spool.ErrNotFound) {
			t.Errorf("resolve of none: %v", err)
		}
		i, n, err := w.s.ResolveIncident(w.Context(), open[0].Number, "jo")
		if err != nil || n != 20 || i.ClosedBy != "jo" {
			t.Fatalf("%+v, %d released, %v", i, n, err)
		}
		synctest.Wait()
		for _, id := range held {
			r := w.box.only(w, id)
			w.wantState(r, relay.Delivered)
			if r.Incident != 0 || r.HoldReason != "" {
				t.Errorf("%+v", r)
			}
		}
		if closed := w.tape.of(relay.EventIncidentClosed); len(closed) != 1 || closed[0].User != "jo" {
			t.Errorf("closed %+v", closed)
		}
	})
}

// What is not mended holds again, under the old number.
func TestResolvedTooEarly(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, always(unverif)) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		if _, n, err := w.s.ResolveIncident(w.Context(), 1, "jo"); n != 1 || err != nil {
			t.Fatalf("%d released, %v", n, err)
		}
		synctest.Wait()
		if r := w.box.only(w, id); r.State != relay.Held || r.Incident != 1 || r.Attempts != 2 {
			t.Errorf("%+v", r)
		}
		if open := w.incidents(false); len(open) != 1 || open[0].Times != 2 {
			t.Errorf("open: %+v", open)
		}
	})
}

// A real message, one for each growing cool-down, finds out by itself that a
// sender is taken again; a restart does not forget who is refused.
func TestSenderIsProbedByItsMail(t *testing.T) {
	var healed atomic.Bool
	a := fromSender("bad@x.example", &healed)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		put := func() relay.ID {
			id := w.box.putFrom(w, "bad@x.example", to("r@x.example", "a"))
			synctest.Wait()
			return id
		}
		first := put()
		for range 60 {
			w.after(10 * time.Second)
			put()
		}
		if n := a.attempts(); n != 5 { // at 0, 30, 90, 210 and 450 s
			t.Errorf("%d attempts in ten minutes, want 5", n)
		}
		w.restart(oneWay(w.box, a))
		before := a.attempts()
		put()
		put()
		if n := a.attempts() - before; n != 1 {
			t.Errorf("%d attempts after the restart, want 1", n)
		}
		healed.Store(true)
		w.after(time.Hour)
		w.wantState(w.box.only(w, put()), relay.Delivered)
		synctest.Wait()
		w.wantState(w.box.only(w, first), relay.Delivered)
		if open := w.incidents(false); len(open) != 0 {
			t.Errorf("open: %+v", open)
		}
	})
}

// Who lets go what is held because its sender is refused means it: the upstream is
// asked once more, whether or not a cool-down runs. What is held without having
// been asked for quotes no answer.
func TestReleaseInsists(t *testing.T) {
	var healed atomic.Bool
	a := fromSender("bad@x.example", &healed)
	release := func(w *world, id relay.ID) {
		w.Helper()
		w.s.TrySenders()
		err := w.box.Act(w.Context(), spool.Filter{IDs: []relay.ID{id}}, func(in spool.Selected) *spool.Settlement {
			r := in.Recipients[0]
			r.State, r.HoldReason, r.Incident, r.NextAttempt = relay.Queued, "", 0, time.Now()
			return &spool.Settlement{Recipients: []relay.Recipient{r}}
		}, func(spool.Selected, *spool.Settlement, []spool.Notice) {})
		if err != nil {
			w.Fatal(err)
		}
		synctest.Wait()
	}
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		first := w.box.putFrom(w, "bad@x.example", to("r@x.example", "a"))
		synctest.Wait()
		second := w.box.putFrom(w, "bad@x.example", to("r@x.example", "a"))
		synctest.Wait()
		events := w.box.entry(w, second).Events
		if e := events[len(events)-1]; e.Kind != relay.EventHeld || e.Verdict != (relay.Verdict{}) {
			t.Errorf("the one that was not asked for: %+v", e)
		}
		release(w, first)
		if n := a.attempts(); n != 2 {
			t.Errorf("%d attempts, want one for the release", n)
		}
		w.wantState(w.box.only(w, first), relay.Held)
		healed.Store(true)
		release(w, first)
		for _, id := range []relay.ID{first, second} {
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		if open := w.incidents(false); len(open) != 0 {
			t.Errorf("open: %+v", open)
		}
	})
}

// The last mail of a sender does not wait for the next one: what is held is tried
// itself when a cool-down is over.
func TestHeldMailIsTriedItself(t *testing.T) {
	var healed atomic.Bool
	a := fromSender("bad@x.example", &healed)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		var ids []relay.ID
		for range 3 {
			ids = append(ids, w.box.putFrom(w, "bad@x.example", to("r@x.example", "a")))
			synctest.Wait()
		}
		w.after(2 * time.Hour)
		if n := a.attempts(); n < 8 || n > 14 { // one for each cool-down, of a quarter of an hour at most
			t.Errorf("%d attempts in two hours", n)
		}
		healed.Store(true)
		w.after(20 * time.Minute)
		for _, id := range ids {
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		if open := w.incidents(false); len(open) != 0 {
			t.Errorf("open: %+v", open)
		}
	})
}

// What the incident of a refused sender holds goes by an upstream that comes onto
// its way later; and the incident ends with the upstream that it is about.
func TestHeldMailFollowsTheConfiguration(t *testing.T) {
	for _, tt := range []struct {
		name string
		keep bool // the upstream that refuses
		open int  // incidents, afterwards
	}{{"another way beside it", true, 1}, {"in its place", false, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := always(unverif), always(ok)
			within(t, func(s *box) Options { return oneWay(s, a) }, func(w *world) {
				id := w.box.put(w, to("r@x.example", "a"))
				synctest.Wait()
				w.wantState(w.box.only(w, id), relay.Held)
				p := keptLanes(twoWays(w.box, a, b), "a")
				if !tt.keep {
					p.Lanes = p.Lanes[1:]
					r := p.Routes["default"]
					r.Upstreams = []string{"b"}
					p.Routes["default"] = r
				}
				w.apply(p)
				if err := w.s.ReleaseRoutes(w.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if r := w.box.only(w, id); r.State != relay.Delivered || r.Upstream != "b" || a.attempts() != 1 {
					t.Errorf("%s by %s, %d attempts at a", r.State, r.Upstream, a.attempts())
				}
				if open := w.incidents(false); len(open) != tt.open {
					t.Errorf("open: %+v", open)
				}
			})
		})
	}
}

// What may have been delivered goes no other way by itself, whatever held it: it
// comes to be held by the incident that says so.
func TestHeldDoubtsFollowNoConfiguration(t *testing.T) {
	a, b := each(lost, unverif), always(ok)
	within(t, func(s *box) Options { return oneWay(s, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		w.after(2 * time.Minute)
		if r := w.box.only(w, id); r.State != relay.Held || r.InDoubt != 1 || r.Incident != 1 {
			t.Fatalf("%+v", r)
		}
		p := keptLanes(twoWays(w.box, a, b), "a")
		r := p.Routes["default"]
		r.Upstreams = []string{"b"}
		p.Routes["default"] = r
		w.apply(p)
		for range 2 {
			if err := w.s.ReleaseRoutes(w.Context()); err != nil {
				t.Fatal(err)
			}
			w.after(30 * time.Minute)
		}
		if r := w.box.only(w, id); r.State != relay.Held || b.attempts() != 0 {
			t.Errorf("%s, %d attempts at b", r.State, b.attempts())
		}
	})
}

// When one of two upstreams takes a sender again, what the other one's incident
// holds has a way, and goes at once.
func TestOneUpstreamFreesWhatAnotherRefuses(t *testing.T) {
	var healed atomic.Bool
	a, b := fromSender("bad@x.example", &healed), always(unverif)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		var ids []relay.ID
		for range 20 {
			ids = append(ids, w.box.putFrom(w, "bad@x.example", to("r@x.example", "a", "b")))
			synctest.Wait()
		}
		healed.Store(true)
		w.after(3 * time.Minute)
		for _, id := range ids {
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
	})
}

// A sender that one upstream refuses goes by the other, without asking the
// first; nothing is held.
func TestRefusedSenderGoesAnotherWay(t *testing.T) {
	a, b := always(unverif), always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		for range 5 {
			id := w.box.put(w, to("r@x.example", "a", "b"))
			synctest.Wait()
			w.wantState(w.box.only(w, id), relay.Delivered)
		}
		if a.attempts() != 1 || len(w.incidents(false)) != 1 {
			t.Errorf("%d attempts at a, %+v", a.attempts(), w.incidents(false))
		}
	})
}

// The time runs on while an incident holds, and no incident holds what has
// expired.
func TestExpiredIsNotHeldByItsIncident(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, always(unverif)) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		w.after(5*24*time.Hour + time.Minute)
		if r := w.box.only(w, id); r.State != relay.Expired || r.Incident != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// A release by an operator does not wipe out doubts: a third unknown outcome
// holds as the second one did.
func TestThirdUnknownOutcomeHoldsAgain(t *testing.T) {
	a, b := always(lost), always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a", "b"))
		w.after(time.Minute)
		if _, n, err := w.s.ResolveIncident(w.Context(), 1, "jo"); n != 1 || err != nil {
			t.Fatalf("%d released, %v", n, err)
		}
		synctest.Wait()
		r := w.box.only(w, id)
		if r.State != relay.Held || r.InDoubt != 3 || r.Incident != 1 || a.attempts() != 3 || b.attempts() != 0 {
			t.Errorf("%+v after %d attempts", r, a.attempts())
		}
	})
}

// What a process had closed and not released is released by the next.
func TestStartGoesOnReleasing(t *testing.T) {
	var healed atomic.Bool
	a := fromSender("bad@x.example", &healed)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.putFrom(w, "bad@x.example", to("r@x.example", "a"))
		synctest.Wait()
		healed.Store(true)
		if _, err := w.box.CloseIncident(w.Context(), 1, "jo"); err != nil {
			t.Fatal(err)
		}
		w.restart(oneWay(w.box, a))
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

// Mail without a route is released into today's routes, or the incident opens
// again.
func TestResolveFollowsTodaysRoutes(t *testing.T) {
	var known atomic.Bool
	within(t, func(b *box) Options {
		o := oneWay(b, always(ok))
		o.Reassign = func(_ relay.Message, r relay.Recipient, _ time.Time) (relay.Assignment, bool) {
			return relay.Assignment{Route: "default", Upstreams: []string{"a"}}, known.Load()
		}
		return o
	}, func(w *world) {
		r := to("r@x.example", "a")
		r.Route = "gone"
		id := w.box.put(w, r)
		synctest.Wait()
		if _, n, err := w.s.ResolveIncident(w.Context(), 1, "jo"); n != 0 || err != nil {
			t.Fatalf("%d released, %v", n, err)
		}
		if open := w.incidents(false); len(open) != 1 || open[0].Held != 1 || open[0].Times != 2 {
			t.Fatalf("open: %+v", open)
		}
		known.Store(true)
		if _, n, err := w.s.ResolveIncident(w.Context(), 1, "jo"); n != 1 || err != nil {
			t.Fatalf("%d released, %v", n, err)
		}
		synctest.Wait()
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

// Where each message has a sender of its own, incidents do not grow with the
// mail.
func TestManyRefusedSendersAreOneIncidentMore(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, always(unverif)) }, func(w *world) {
		l := w.s.course().lanes[0]
		for i := range maxSenders {
			l.senders.block(fmt.Sprint(i), time.Now(), false)
		}
		for i := range 10 {
			id := w.box.putFrom(w, fmt.Sprintf("b%d@x.example", i), to("r@x.example", "a"))
			synctest.Wait()
			w.wantState(w.box.only(w, id), relay.Held)
		}
		if open := w.incidents(false); len(open) != 1 || open[0].Held != 10 || open[0].Sender != "" {
			t.Errorf("open: %+v", open)
		}
	})
}

// A route that holds, discards or redirects does so with what is released, too.
func TestReleaseFollowsRouteActions(t *testing.T) {
	for _, tt := range []struct {
		action  relay.RouteAction
		state   relay.State
		address string
	}{
		{relay.RouteDiscard, relay.Deleted, "r@x.example"},
		{relay.RouteHold, relay.Held, "r@x.example"},
		{relay.RouteRedirect, relay.Delivered, "qa@x.example"},
	} {
		var healed atomic.Bool
		a := fromSender("bad@x.example", &healed)
		within(t, func(b *box) Options {
			o := oneWay(b, a)
			o.Reassign = func(relay.Message, relay.Recipient, time.Time) (relay.Assignment, bool) {
				return relay.Assignment{Route: "default", Upstreams: []string{"a"}, Action: tt.action, RedirectTo: "qa@x.example"}, true
			}
			return o
		}, func(w *world) {
			id := w.box.putFrom(w, "bad@x.example", to("r@x.example", "a"))
			synctest.Wait()
			healed.Store(true)
			if _, n, err := w.s.ResolveIncident(w.Context(), 1, "jo"); n != 1 || err != nil {
				t.Fatalf("%d released, %v", n, err)
			}
			synctest.Wait()
			if r := w.box.only(w, id); r.State != tt.state || r.Address != tt.address || r.Incident != 0 {
				t.Errorf("action %d: %+v", tt.action, r)
			}
		})
	}
}

// What was held because its route or its upstream was gone goes out when they
// are back, and the incident closes by itself; what has no way yet stays held,
// and what may have been delivered by an upstream that is gone, too.
func TestRouteIncidentsEndByThemselves(t *testing.T) {
	a := always(ok)
	var missing, doubtful relay.ID
	without := func(b *box) Options { return oneWay(b, a) }
	within(t, without, func(w *world) {
		other := to("r@x.example", "a")
		other.Route = "other"
		missing = w.box.put(w, other)
		synctest.Wait()
		w.wantState(w.box.only(w, missing), relay.Held)
		if err := w.s.ReleaseRoutes(w.Context()); err != nil || len(w.incidents(false)) != 1 {
			t.Fatalf("%v, open: %+v", err, w.incidents(false))
		}
		w.wantState(w.box.only(w, missing), relay.Held)

		i, _, err := w.box.OpenIncident(w.Context(), *wayIncident("gone", "gone"))
		if err != nil {
			t.Fatal(err)
		}
		lost := to("l@x.example", "gone")
		lost.State, lost.HoldReason, lost.Incident, lost.InDoubt, lost.Upstream = relay.Held, "gone", i.Number, 1, "gone"
		doubtful = w.box.put(w, lost)

		o := without(w.box)
		o.Routes["other"] = o.Routes["default"]
		w.restart(o)
		for range 2 { // the second finds nothing to do
			if err := w.s.ReleaseRoutes(w.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		w.wantState(w.box.only(w, missing), relay.Delivered)
		w.wantState(w.box.only(w, doubtful), relay.Held)
		open, closed := w.incidents(false), w.tape.of(relay.EventIncidentClosed)
		if len(open) != 1 || open[0].Number != i.Number || len(closed) != 1 {
			t.Errorf("open %+v, closed %+v", open, closed)
		}

		// Nor does it go when it came as the incident closed, and the process
		// ended then.
		if _, err := w.box.CloseIncident(w.Context(), i.Number, byConfiguration); err != nil {
			t.Fatal(err)
		}
		w.restart(o)
		w.wantState(w.box.only(w, doubtful), relay.Held)
		if open := w.incidents(false); len(open) != 1 || open[0].Number != i.Number {
			t.Errorf("open %+v", open)
		}
	})
}
