package spooltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

func (s *suite) list(t *testing.T) {
	s.s.Open("a", true)
	var all []relay.ID
	for i := range 700 { // more than two pages
		m := Accept(t, s.s, "x", Recipients("a", fmt.Sprintf("r%d@example.com", i), "both@example.com")...)
		all = append(all, m.ID)
	}
	for i := range 3 {
		d := s.claimOne(t, "a")
		if d.Message.ID != all[i] {
			t.Fatal("not the oldest first")
		}
		s.settle(t, d, relay.Delivered, relay.Delivered)
	}
	collect := func(f spool.Filter) (ids []relay.ID) {
		t.Helper()
		err := s.s.List(t.Context(), f, func(e spool.Entry) error {
			ids = append(ids, e.Message.ID)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	for _, c := range []struct {
		name string
		f    spool.Filter
		want []relay.ID
	}{
		{"unfinished", spool.Filter{}, all[3:]},
		{"any state", spool.Filter{AnyState: true}, all},
		{"delivered", spool.Filter{States: []relay.State{relay.Delivered}}, all[:3]},
		{"to", spool.Filter{To: "R69?@example.com"}, all[690:]},
		{"to and upstream", spool.Filter{To: "r5@*", Upstream: "a"}, all[5:6]},
		{"another upstream", spool.Filter{Upstream: "b"}, nil},
		{"limit", spool.Filter{Limit: 2}, all[3:5]},
	} {
		if got := collect(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%s: %d messages, want %d", c.name, len(got), len(c.want))
		}
	}
	stop := errors.New("enough")
	if err := s.s.List(t.Context(), spool.Filter{}, func(spool.Entry) error { return stop }); err != stop {
		t.Errorf("List gave %v", err)
	}
}

func (s *suite) stats(t *testing.T) {
	s.s.Open("a", true)
	first := Accept(t, s.s, "12345", Recipients("a,b", "1@example.com", "2@example.com")...)
	time.Sleep(time.Second) // of the bubble's clock
	Accept(t, s.s, "123", Recipients("b", "3@example.com")...)
	d := s.claimOne(t, "a")
	want := func(messages, history, bytes int64, oldest time.Time, rows ...spool.Count) {
		t.Helper()
		st, err := s.s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Messages != messages || st.History != history || st.BodyBytes != bytes || !st.Oldest.Equal(oldest) || !slices.Equal(st.Recipients, rows) {
			t.Fatalf("stats %+v", st)
		}
	}
	want(2, 0, 8, first.ReceivedAt, spool.Count{State: relay.Queued, Upstream: "b", N: 1}, spool.Count{State: relay.Sending, Upstream: "a", N: 2})
	s.settle(t, d, relay.Delivered, relay.Bounced)
	second := first.ReceivedAt.Add(time.Second)
	want(1, 1, 3, second, spool.Count{State: relay.Queued, Upstream: "b", N: 1},
		spool.Count{State: relay.Delivered, Upstream: "a", N: 1}, spool.Count{State: relay.Bounced, Upstream: "a", N: 1})
	s.s = s.Restart(t, false)
	want(1, 1, 3, second, spool.Count{State: relay.Queued, Upstream: "b", N: 1},
		spool.Count{State: relay.Delivered, Upstream: "a", N: 1}, spool.Count{State: relay.Bounced, Upstream: "a", N: 1})
}

func (s *suite) unknown(t *testing.T) {
	if _, err := s.s.Get(t.Context(), spool.NewID()); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if _, err := s.s.Body(relay.Message{ID: spool.NewID(), Size: 3}).Open(); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("Open: %v", err)
	}
	m := relay.Message{ID: "../../etc/passwd"}
	if err := s.s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: Recipients("a", "x@example.com"), Body: strings.NewReader("")}); err == nil {
		t.Error("an id that is none was accepted")
	}
	m.ID = spool.NewID()
	if err := s.s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: nil, Body: strings.NewReader("")}); err == nil {
		t.Error("a message for nobody was accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.s.Claim(ctx, "a", spool.Limit{Messages: 1, Recipients: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Claim: %v", err)
	}
}

// random settles by chance, crashes by chance, and counts: each recipient is
// delivered exactly once where no doubt was told, and nothing is lost.
func (s *suite) random(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	want := map[string]bool{}
	for i := range 60 {
		a, b := fmt.Sprintf("a%d@example.com", i), fmt.Sprintf("b%d@example.com", i)
		want[a], want[b] = true, true
		Accept(t, s.s, "x", Recipients("a,b", a, b)...)
	}
	delivered := map[string]int{}
	open := func() { s.s.Open("a", rnd.IntN(3) > 0); s.s.Open("b", true) }
	open()
	for round := 0; len(delivered) < len(want); round++ {
		if round > 10_000 {
			t.Fatalf("%d of %d are delivered after %d rounds", len(delivered), len(want), round)
		}
		lane := []string{"a", "b"}[rnd.IntN(2)]
		due, _, err := s.s.Claim(t.Context(), lane, spool.Limit{Messages: 1 + rnd.IntN(4), Recipients: 1 + rnd.IntN(2)})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range due {
			switch rnd.IntN(6) {
			case 0:
				s.s.Release(&d)
				continue
			case 1: // lost with its process before the mark
				s.s = s.Restart(t, true)
				open()
			default:
				states := make([]relay.State, len(d.Recipients))
				for i := range states {
					if states[i] = relay.Queued; rnd.IntN(2) == 0 {
						states[i] = relay.Delivered
						delivered[d.Recipients[i].Address]++
					}
				}
				s.settle(t, d, states...)
				continue
			}
			break // the other claims are gone with the process
		}
		open()
	}
	for a := range want {
		if delivered[a] != 1 {
			t.Errorf("%s was delivered %d times", a, delivered[a])
		}
	}
	st, _ := s.s.Stats(t.Context())
	if st.Messages != 0 || st.History != 60 {
		t.Errorf("stats %+v", st)
	}
}
