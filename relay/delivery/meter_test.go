package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/quota"
)

// metered is oneWay or twoWays with limits for a.
func metered(o Options, rate quota.Limit, quotas ...quota.Limit) Options {
	o.Lanes[0].Pace = quota.NewPace(rate, o.Lanes[0].MaxConnections)
	if len(quotas) > 0 {
		o.Lanes[0].Quota = quota.NewCounter(quotas, time.Now())
	}
	return o
}

// A rate makes the mail of its lane wait, and no other.
func TestRateDelaysItsLaneAlone(t *testing.T) {
	a, b := always(ok), always(ok)
	within(t, func(s *box) Options {
		return metered(twoWays(s, a, b), quota.Limit{N: 10, Per: 10 * time.Second})
	}, func(w *world) {
		start := time.Now()
		for range 100 {
			w.box.put(w, to("r@x.example", "a"))
			w.box.put(w, to("r@x.example", "b"))
		}
		synctest.Wait()
		if a.attempts() != 10 || b.attempts() != 100 {
			t.Errorf("at once: %d and %d, want 10 and 100", a.attempts(), b.attempts())
		}
		w.after(2 * time.Minute)
		if a.attempts() != 100 {
			t.Fatalf("%d in two minutes, want all 100", a.attempts())
		}
		for i, at := range a.times { // never more than the rate, and not far below it
			if least := start.Add(time.Duration(i/10) * 10 * time.Second); at.Before(least) || at.After(least.Add(2*time.Second)) {
				t.Errorf("message %d at %s, want %s", i, at.Sub(start), least.Sub(start))
			}
		}
		if w.s.Lanes()[0].Incident != 0 || len(w.incidents(true)) != 0 {
			t.Error("a rate opened an incident")
		}
	})
}

// A used up quota sends the mail the other way at once, for nothing.
func TestUsedUpQuotaFailsOver(t *testing.T) {
	a, b := always(ok), always(ok)
	within(t, func(s *box) Options {
		return metered(twoWays(s, a, b), quota.Limit{}, quota.Limit{N: 10, Per: 24 * time.Hour})
	}, func(w *world) {
		for range 30 {
			id := w.box.put(w, to("r@x.example", "a", "b"))
			synctest.Wait()
			if r := w.box.only(w, id); r.State != relay.Delivered || r.Attempts != 1 {
				t.Errorf("%+v", r)
			}
		}
		if a.attempts() != 10 || b.attempts() != 20 {
			t.Errorf("%d and %d, want 10 and 20", a.attempts(), b.attempts())
		}
		if st := w.s.Lanes()[0]; !st.Spent || st.Reason != LaneQuota || st.QuotaRemaining != 0 || st.Incident == 0 {
			t.Errorf("status %+v", st)
		}
	})
}

// Without another way mail is parked until the provider begins to count anew,
// at a time of day, over a restart, in one incident; and nothing is written
// for what waits.
func TestParkedUntilTheReset(t *testing.T) {
	a := always(ok)
	midnight, err := quota.ParseReset("00:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	day := quota.Limit{N: 10, Per: 24 * time.Hour, Reset: &midnight}
	within(t, func(s *box) Options { return metered(oneWay(s, a), quota.Limit{}, day) }, func(w *world) {
		w.after(20 * time.Hour) // the bubble begins at midnight
		for range 25 {
			w.box.put(w, to("r@x.example", "a"))
		}
		synctest.Wait()
		settled := w.box.settled.Load()
		w.restart(metered(oneWay(w.box, a), quota.Limit{}, day))
		w.after(4*time.Hour - time.Second)
		if a.attempts() != 10 || w.box.settled.Load() != settled {
			t.Fatalf("%d attempts and %d settlements before the reset", a.attempts(), w.box.settled.Load()-settled)
		}
		if open := w.incidents(false); len(open) != 1 || open[0].Kind != relay.IncidentQuota {
			t.Fatalf("open: %+v", open)
		}
		w.after(time.Second)
		if a.attempts() != 20 {
			t.Fatalf("%d attempts after the reset, want 20", a.attempts())
		}
		w.after(24*time.Hour + time.Second)
		if a.attempts() != 25 || len(w.incidents(false)) != 0 || len(w.incidents(true)) != 1 {
			t.Errorf("%d attempts, %+v", a.attempts(), w.incidents(true))
		}
	})
}

// The provider says that its quota is used up: one message hits it, the others
// are not touched, and one an hour asks whether it is over.
func TestProviderSaysThatTheQuotaIsUsedUp(t *testing.T) {
	daily := with(quotaUsed, func(v *relay.Verdict) { v.RetryAfter = 24 * time.Hour })
	a, healed := switchable(daily)
	within(t, func(s *box) Options {
		o := oneWay(s, a)
		o.Lanes[0].MaxConnections = 1
		return o
	}, func(w *world) {
		for range 20 {
			w.box.put(w, to("r@x.example", "a"))
		}
		synctest.Wait()
		if a.attempts() != 1 || w.box.settled.Load() != 1 {
			t.Errorf("%d attempts, %d settlements, want one", a.attempts(), w.box.settled.Load())
		}
		w.restart(oneWay(w.box, a))
		if st := w.s.Lanes()[0]; !st.Spent || st.Incident != 1 {
			t.Errorf("status %+v after the restart", st)
		}
		w.after(3*time.Hour + time.Minute)
		if n := a.attempts(); n != 4 {
			t.Errorf("%d attempts in three hours, want 4", n)
		}
		healed.Store(true)
		w.after(2 * time.Hour)
		if a.attempts() != 24 || len(w.incidents(false)) != 0 || len(w.tape.of(relay.EventIncidentOpened)) != 1 {
			t.Errorf("%d attempts, %+v", a.attempts(), w.incidents(true))
		}
	})
}

// What was claimed and not sent is not counted.
func TestNotSentIsNotCounted(t *testing.T) {
	for name, v := range map[string]relay.Verdict{"refused": refused, "not asked": local(tooLong)} {
		t.Run(name, func(t *testing.T) {
			a := always(v)
			within(t, func(s *box) Options {
				return metered(oneWay(s, a), quota.Limit{}, quota.Limit{N: 3, Per: 24 * time.Hour})
			}, func(w *world) {
				w.box.put(w, to("r@x.example", "a"), to("s@x.example", "a"))
				synctest.Wait()
				if st := w.s.Lanes()[0]; st.QuotaRemaining != 3 || !st.Limited {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// A message to more than there is room for goes to as many as there is. Rate and
// quota may count different things.
func TestLimitsSplitRecipients(t *testing.T) {
	none, three := quota.Limit{}, quota.Limit{N: 3, Per: 24 * time.Hour}
	for _, tt := range []struct {
		rate, quota                   quota.Limit
		rateByMessage, quotaByMessage bool
		want                          int // recipients that are asked at once
	}{
		{none, three, false, false, 3},
		{none, three, false, true, 5},
		{none, three, true, false, 3},
		{three, none, false, false, 3},
		{three, none, false, true, 3},
		{three, none, true, false, 5},
		{three, three, true, false, 3},
		{three, three, true, true, 5},
	} {
		a := always(ok)
		within(t, func(s *box) Options {
			o := metered(oneWay(s, a), tt.rate, tt.quota)
			o.Lanes[0].PaceByMessage, o.Lanes[0].QuotaByMessage = tt.rateByMessage, tt.quotaByMessage
			return o
		}, func(w *world) {
			r := to("r@x.example", "a")
			w.box.put(w, r, r, r, r, r)
			synctest.Wait()
			if len(a.asked) != tt.want {
				t.Errorf("%+v: asked %d", tt, len(a.asked))
			}
		})
	}
}

// A slow upstream is asked by fewer connections, and by all again after a
// time; nobody else waits for it.
func TestSlowUpstreamIsAskedLess(t *testing.T) {
	busyUntil := time.Time{}
	a, b := always(ok), always(ok)
	a.answer = func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict {
		time.Sleep(time.Second)
		if time.Now().Before(busyUntil) {
			return throttled
		}
		return ok
	}
	within(t, func(s *box) Options {
		o := twoWays(s, a, b)
		o.Lanes[0].MaxConnections = 4
		o.Lanes[0].Pace = quota.NewPace(quota.Limit{}, 4)
		busyUntil = time.Now().Add(20 * time.Second)
		return o
	}, func(w *world) {
		for range 100 {
			w.box.put(w, to("r@x.example", "a"))
			w.box.put(w, to("r@x.example", "b"))
		}
		synctest.Wait()
		if b.attempts() != 100 {
			t.Errorf("b has had %d of 100 at once", b.attempts())
		}
		w.after(20 * time.Second)
		if st := w.s.Lanes()[0]; st.Connections != 1 || st.Reason != LaneSlow {
			t.Errorf("status %+v", st)
		}
		for range 12 * 60 { // none of its steps is without mail that it takes
			w.box.put(w, to("r@x.example", "a"))
			w.after(time.Minute)
		}
		if st := w.s.Lanes()[0]; st.Connections != 4 || st.Slow || st.Reason != "" || a.attempts() < 500 {
			t.Errorf("status %+v after %d attempts", st, a.attempts())
		}
	})
}

// An upstream that wanted to be asked less is not asked more because of a
// restart, and comes back step by step from where it was; a limit of an hour
// is not there twice.
func TestPaceOutlivesARestart(t *testing.T) {
	a := each(ok, throttled, ok)
	hourly := quota.Limit{N: 100, Per: time.Hour}
	options := func(b *box) Options {
		o := metered(oneWay(b, a), hourly)
		o.Lanes[0].MaxConnections, o.Lanes[0].Pace = 4, quota.NewPace(hourly, 4)
		return o
	}
	within(t, options, func(w *world) {
		for range 2 {
			w.box.put(w, to("r@x.example", "a"))
			synctest.Wait()
		}
		before := w.s.Lanes()[0]
		if before.Connections != 2 || !before.Slow || before.Rate >= 100.0/3600 {
			t.Fatalf("slowed down: %+v", before)
		}
		w.restart(options(w.box))
		after := w.s.Lanes()[0]
		if after.Connections != 2 || !after.Slow || after.Rate != before.Rate || !after.PausedUntil.Equal(before.PausedUntil) {
			t.Errorf("after a restart %+v, before it %+v", after, before)
		}
		for range 40 * 60 { // a connection comes back with each step
			w.box.put(w, to("r@x.example", "a"))
			w.after(time.Minute)
		}
		w.restart(options(w.box))
		if st := w.s.Lanes()[0]; st.Connections != 4 || st.Reason != "" || st.Rate != 100.0/3600 {
			t.Errorf("when it has recovered: %+v", st)
		}
	})
}

// A rate of an hour is kept to over a restart.
func TestRateOutlivesARestart(t *testing.T) {
	a := always(ok)
	options := func(b *box) Options { return metered(oneWay(b, a), quota.Limit{N: 10, Per: time.Hour}) }
	within(t, options, func(w *world) {
		for range 30 {
			w.box.put(w, to("r@x.example", "a"))
		}
		synctest.Wait()
		w.restart(options(w.box))
		w.after(30 * time.Minute)
		if n := a.attempts(); n != 10 {
			t.Errorf("%d attempts in half an hour, want 10", n)
		}
		w.after(time.Hour)
		if n := a.attempts(); n != 20 {
			t.Errorf("%d attempts in an hour and a half, want 20", n)
		}
	})
}

// A rolling quota that comes back drop by drop does not open and close the
// lane for each drop.
func TestQuotaThatComesBackInDrops(t *testing.T) {
	a := always(ok)
	within(t, func(s *box) Options {
		return metered(oneWay(s, a), quota.Limit{}, quota.Limit{N: 60, Per: time.Hour})
	}, func(w *world) {
		for i := range 6 * 60 {
			for range 2 {
				w.box.put(w, to("r@x.example", "a"))
			}
			if w.after(time.Minute); i == 3*60 && len(w.incidents(false)) != 1 {
				t.Errorf("open: %+v", w.incidents(false))
			}
		}
		if n := len(w.tape.of(relay.EventIncidentOpened)); n > 30 {
			t.Errorf("opened %d times in six hours", n)
		}
		if n := a.attempts(); n < 250 || n > 7*60 {
			t.Errorf("%d attempts in six hours, want about 60 an hour", n)
		}
	})
}

// A quota of a minute gives what it says in each minute, and no incident tells of
// it.
func TestQuotaOfAShortTime(t *testing.T) {
	a := always(ok)
	within(t, func(s *box) Options {
		return metered(oneWay(s, a), quota.Limit{}, quota.Limit{N: 10, Per: time.Minute})
	}, func(w *world) {
		for range 100 {
			w.box.put(w, to("r@x.example", "a"))
		}
		w.after(9*time.Minute + 10*time.Second)
		if n := a.attempts(); n != 100 {
			t.Errorf("%d attempts in nine minutes, want 100", n)
		}
		if n := len(w.tape.of(relay.EventIncidentOpened)); n != 0 {
			t.Errorf("%d incidents", n)
		}
	})
}

// A state that this program cannot read is an error, not a lane that forgets
// who has paused it.
func TestStateOfALaterVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox()
		if err := b.KeepLaneState(t.Context(), "a", []byte{keptVersion + 1}); err != nil {
			t.Fatal(err)
		}
		o := oneWay(b, always(ok))
		o.Sink = new(tape)
		s := New(o)
		if err := s.Start(t.Context()); err == nil {
			t.Error("it starts")
		}
		s.Stop(t.Context())
	})
}
