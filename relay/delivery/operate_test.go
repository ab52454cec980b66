package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// What a disabled upstream deferred is due at once when it works again, by a
// probe that somebody wanted or when its incident is resolved; it comes paced.
func TestNothingWaitsWhenTheUpstreamIsMended(t *testing.T) {
	for _, tt := range []struct {
		name string
		mend func(*world)
	}{
		{"probe", func(w *world) {
			if v, err := w.s.Probe(w.Context(), "a"); err != nil || v.Class != relay.ClassDelivered {
				w.Fatalf("%+v, %v", v, err)
			}
		}},
		{"resolve", func(w *world) {
			if _, _, err := w.s.ResolveIncident(w.Context(), 1, "root"); err != nil {
				w.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := badLogin
			a := &provider{
				answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict { return answer },
				probe:  func(int) relay.Verdict { return answer },
			}
			within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
				var ids []relay.ID
				for range 5 {
					ids = append(ids, w.box.put(w, to("r@x.example", "a")))
				}
				synctest.Wait()
				w.after(3 * time.Hour)
				asked := a.attempts()
				answer = ok
				tt.mend(w)
				w.after(time.Second)
				for _, id := range ids {
					w.wantState(w.box.only(w, id), relay.Delivered)
				}
				if n := a.attempts(); asked > 2 || n != asked+5 {
					t.Errorf("%d attempts while it was disabled, %d in all", asked, n)
				}
			})
		})
	}
}

// Nothing is sent any more that was being claimed when the upstream was paused.
func TestPauseWhileMailIsClaimed(t *testing.T) {
	a := always(ok)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		w.box.claimed = func() {
			if err := w.s.Pause(w.Context(), "a", "jo"); err != nil {
				t.Error(err)
			}
		}
		id := w.box.put(w, to("r@x.example", "a"))
		w.after(time.Hour)
		if r := w.box.only(w, id); a.attempts() != 0 || r.State != relay.Queued {
			t.Fatalf("%d attempts by a paused upstream, %s", a.attempts(), r.State)
		}
		if err := w.s.Resume(w.Context(), "a", "jo"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

// A paused lane is not asked, not after a restart either, until it is resumed.
func TestPauseHoldsOverARestart(t *testing.T) {
	a, b := always(ok), always(ok)
	within(t, func(s *box) Options { return twoWays(s, a, b) }, func(w *world) {
		if err := w.s.Pause(w.Context(), "a", "jo"); err != nil {
			t.Fatal(err)
		}
		only, both := w.box.put(w, to("r@x.example", "a")), w.box.put(w, to("r@x.example", "a", "b"))
		synctest.Wait()
		w.restart(twoWays(w.box, a, b))
		if st := w.s.Lanes()[0]; !st.Paused() || st.PausedBy != "jo" || st.Reason != LanePaused {
			t.Errorf("status %+v", st)
		}
		w.after(time.Hour)
		w.wantState(w.box.only(w, only), relay.Queued)
		if r := w.box.only(w, both); r.Upstream != "b" || a.attempts() != 0 {
			t.Errorf("by %q; %d attempts at a", r.Upstream, a.attempts())
		}
		if err := w.s.Resume(w.Context(), "a", "jo"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.wantState(w.box.only(w, only), relay.Delivered)
		w.restart(twoWays(w.box, a, b))
		if st := w.s.Lanes()[0]; st.Paused() {
			t.Errorf("status %+v", st)
		}
	})
}

func TestOperateUnknownLane(t *testing.T) {
	within(t, func(b *box) Options { return oneWay(b, always(ok)) }, func(w *world) {
		_, err := w.s.Probe(w.Context(), "x")
		for _, err := range []error{err, w.s.Pause(w.Context(), "x", "jo"), w.s.Resume(w.Context(), "x", "jo")} {
			if !errors.Is(err, ErrNoLane) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// A probe on demand opens the lane and closes its incident, if it comes as far
// as what had failed.
func TestProbeOnDemand(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fails relay.Verdict
		opens bool
	}{
		{"the login", badLogin, true},
		{"the account at the dot", paused, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, healed := switchable(tt.fails)
			within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
				w.box.put(w, to("r@x.example", "a"))
				synctest.Wait()
				if v, err := w.s.Probe(w.Context(), "a"); err != nil || v != tt.fails || w.s.Lanes()[0].Breaker != BreakerOpen {
					t.Fatalf("%+v, %v", v, err)
				}
				healed.Store(true)
				a.probe = func(int) relay.Verdict {
					return relay.Verdict{Class: relay.ClassDelivered, Stage: relay.StageAuth}
				}
				if _, err := w.s.Probe(w.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				st, open := w.s.Lanes()[0], len(w.incidents(false))
				if opened := st.Breaker == BreakerClosed && open == 0; opened != tt.opens {
					t.Errorf("status %+v, %d incidents are open", st, open)
				}
			})
		})
	}
}

// An operator who resolves the incident of an upstream has it tried at once.
func TestResolveTriesTheUpstream(t *testing.T) {
	a, healed := switchable(badLogin)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		w.after(10 * time.Minute)
		for range 2 { // not mended: it opens again, once
			if _, _, err := w.s.ResolveIncident(w.Context(), 1, "jo"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if open := w.incidents(false); len(open) != 1 || open[0].Times != 3 {
			t.Fatalf("open: %+v", open)
		}
		healed.Store(true)
		if _, _, err := w.s.ResolveIncident(w.Context(), 1, "jo"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := w.s.Lanes()[0]; st.Breaker != BreakerClosed || len(w.incidents(false)) != 0 {
			t.Errorf("status %+v", st)
		}
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
}

// What an operator wanted of mail whose attempt ended with its process is done
// instead of the next attempt.
func TestIntentsBeforeTheNextAttempt(t *testing.T) {
	a := always(ok)
	var id relay.ID
	within(t, func(b *box) Options {
		o := oneWay(b, a)
		o.Intend = func(_ relay.Message, to []relay.Recipient, wanted []spool.Intent, now time.Time) []relay.Event {
			for _, in := range wanted {
				to[in.Index].State, to[in.Index].FinishedAt = relay.Deleted, now
			}
			return []relay.Event{{Kind: relay.EventDeleted, At: now, Message: id, Detail: wanted[0].By}}
		}
		id = b.put(t, to("1@x.example", "a"), to("2@x.example", "a"))
		b.abandon(t, "a", spool.Intent{Index: 1, Action: "delete", By: "jo"})
		return o
	}, func(w *world) {
		synctest.Wait()
		e := w.box.entry(w, id)
		w.wantState(e.Recipients[0], relay.Delivered)
		w.wantState(e.Recipients[1], relay.Deleted)
		if told := w.tape.of(relay.EventDeleted); len(told) != 1 || told[0].Detail != "jo" {
			t.Errorf("told %+v", told)
		}
	})
}

// abandon leaves intents for an attempt that ends with its process.
func (b *box) abandon(t *testing.T, lane string, wanted ...spool.Intent) {
	t.Helper()
	b.Open(lane, true)
	if _, _, err := b.Claim(t.Context(), lane, spool.Limit{Messages: 1, Recipients: 10}); err != nil {
		t.Fatal(err)
	}
	err := b.Act(t.Context(), spool.Filter{}, func(spool.Selected) *spool.Settlement {
		return &spool.Settlement{Intents: wanted}
	}, func(spool.Selected, *spool.Settlement, []spool.Notice) {})
	if err != nil {
		t.Fatal(err)
	}
	b.Crash()
}
