package delivery

import (
	"context"
	"flag"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/quota"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

var backlogSize = flag.Int("backlog", 20_000, "how many messages wait behind an upstream that dies")

// counting is a bolt store that counts what writes records again.
type counting struct {
	*bolt.Store
	settled atomic.Int64
}

func (c *counting) Settle(ctx context.Context, d *spool.Delivery, s spool.Settlement) error {
	c.settled.Add(1)
	return c.Store.Settle(ctx, d, s)
}

// fill takes n messages in.
func (c *counting) fill(t *testing.T, n int, eligible ...string) {
	t.Helper()
	together(n, func(int) {
		m := relay.Message{ID: spool.NewID(), From: "a@x.example", ReceivedAt: time.Now()}
		if err := c.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: []relay.Recipient{to("r@x.example", eligible...)}, Body: strings.NewReader("Subject: hi\r\n\r\n")}); err != nil {
			t.Error(err)
		}
	})
}

// All that is due behind an upstream that dies moves to the other one, and back
// when it recovers, without a write for what waits; and the recovery begins
// with one connection, which doubles from one round to the next.
func TestBacklogMovesWithoutBeingWritten(t *testing.T) {
	backlog := *backlogSize
	synctest.Test(t, func(t *testing.T) {
		store, err := bolt.Open(bolt.Options{Path: filepath.Join(t.TempDir(), "spool.db"), NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		c := &counting{Store: store}
		c.fill(t, backlog, "a", "b")

		a, healed := switchable(refused)
		answer := a.answer
		a.answer = func(ctx context.Context, n int, m relay.Message, r relay.Recipient) relay.Verdict {
			v := answer(ctx, n, m, r)
			if v.Class == relay.ClassDelivered {
				time.Sleep(time.Second)
			}
			return v
		}
		b := stalled(interrupted)
		o := twoWays(nil, a, b)
		o.Spool, o.Sink = c, drop{}
		o.Lanes[0].MaxConnections = 32
		o.Lanes[0].Pace = quota.NewPace(quota.Limit{}, 32)
		s := New(o)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		// The connections of a were all on their way when it died.
		if n := c.settled.Load(); n > 2*32 || b.attempts() != 2 {
			t.Errorf("%d of %d messages were written, %d are at b", n, backlog, b.attempts())
		}
		before := c.settled.Load()
		healed.Store(true)
		for s.Lanes()[0].Breaker != BreakerClosed {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if n := c.settled.Load() - before; n > 0 {
			t.Errorf("%d messages were written when it recovered", n)
		}
		base := a.attempts()
		for i, want := range []int{1, 3, 7, 15, 31, 63, 95} {
			if n := a.attempts() - base + 1; n != want {
				t.Errorf("after %d s a has been asked %d times, want %d", i, n, want)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		s.Stop(t.Context())
		if err := store.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Through five days each attempt is at the time that was promised, no other is
// made, and in the end each message expires once.
func TestFiveDaysKeepTheSchedule(t *testing.T) {
	a := always(busy)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		ids := []relay.ID{w.box.put(w, to("r@x.example", "a")), w.box.put(w, to("s@x.example", "a"))}
		w.after(5*24*time.Hour + 2*time.Minute)
		if n := len(w.tape.of(relay.EventUpstreamDown)); n != 0 {
			t.Errorf("the breaker opened %d times for what it is not to blame for", n)
		}
		attempts := 0
		for _, id := range ids {
			var promised time.Time
			expired := 0
			for _, e := range w.box.entry(w, id).Events {
				switch {
				case e.Kind == relay.EventExpired:
					expired++
				case promised.IsZero():
				case !e.At.Equal(promised):
					t.Errorf("attempt %d at %s, promised for %s", e.Attempt, e.At, promised)
				}
				if e.Kind == relay.EventDeferred {
					attempts++
					promised = e.NextAttempt
				}
			}
			if expired != 1 {
				t.Errorf("expired %d times", expired)
			}
		}
		if attempts != a.attempts() || attempts < 2*120 || attempts > 2*130 {
			t.Errorf("%d attempts are told, %d were made", attempts, a.attempts())
		}
	})
}

// Balanced mail fails over along its own order, not that of the list.
func TestBalancedMailFailsOver(t *testing.T) {
	a, b := always(ok), always(busy)
	within(t, func(s *box) Options {
		o := twoWays(s, a, b)
		r := o.Routes["default"]
		r.Order = func(string) []string { return []string{"b", "a"} }
		o.Routes["default"] = r
		return o
	}, func(w *world) {
		id := w.box.put(w, to("r@x.example", "b", "a"))
		synctest.Wait()
		w.wantKinds(id, "failover delivered")
	})
}
