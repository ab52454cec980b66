package spooltest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

func (s *suite) expiry(t *testing.T) {
	to := Recipients("a", "queued@example.com", "held@example.com", "operator@example.com", "later@example.com")
	for i := range 3 {
		to[i].ExpiresAt = time.Now().Add(time.Minute).UTC()
	}
	later := time.Now().Add(time.Hour).UTC()
	to[3].ExpiresAt = later
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", to...)
	d := s.claimOne(t, "a")
	out := spool.Settlement{Recipients: slices.Clone(d.Recipients)}
	out.Recipients[1].State, out.Recipients[1].HoldReason = relay.Held, "an incident"
	out.Recipients[2].State, out.Recipients[2].HoldReason = relay.Held, relay.HoldOperator
	if err := s.s.Settle(t.Context(), &d, out); err != nil {
		t.Fatal(err)
	}
	past, next, err := s.s.Expired(t.Context(), time.Now(), 10)
	if err != nil || len(past) != 0 || !next.Equal(to[0].ExpiresAt) {
		t.Fatalf("%v %v %v", past, next, err)
	}
	time.Sleep(time.Minute) // of the bubble's clock
	past, _, err = s.s.Expired(t.Context(), time.Now(), 10)
	if err != nil || len(past) != 1 || len(past[0].Recipients) != 2 || past[0].Lane != "" {
		t.Fatalf("%+v %v", past, err)
	}
	if again, _, _ := s.s.Expired(t.Context(), time.Now(), 10); len(again) != 0 {
		t.Fatal("the same ones twice")
	}
	s.settle(t, past[0], relay.Expired, relay.Expired)
	if got := s.states(t, m.ID); got != "expired expired held queued" {
		t.Fatalf("states %s", got)
	}
	if _, next, _ = s.s.Expired(t.Context(), time.Now(), 10); !next.Equal(later) {
		t.Fatalf("next %v, want %v", next, later)
	}
}

// warnings: delay warnings come with Expired, once each, for all of a message
// together.
func (s *suite) warnings(t *testing.T) {
	s.s.Open("a", true)
	start := time.Now().UTC()
	to := Recipients("a", "soon@x", "soon2@x", "late@x", "never@x", "operator@x")
	to[0].WarnAt, to[1].WarnAt, to[2].WarnAt = start.Add(time.Hour), start.Add(time.Hour), start.Add(2*time.Hour)
	to[0].ExpiresAt = start.Add(3 * time.Hour)
	to[4].WarnAt, to[4].State, to[4].HoldReason = start.Add(time.Minute), relay.Held, relay.HoldOperator
	Accept(t, s.s, "x", to...)
	expect := func(after time.Duration, next time.Duration, want ...string) []spool.Delivery {
		t.Helper()
		time.Sleep(time.Until(start.Add(after))) // of the bubble's clock
		past, at, err := s.s.Expired(t.Context(), time.Now(), 10)
		var got []string
		for _, d := range past {
			for _, p := range d.Recipients {
				got = append(got, p.Address)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("after %v: %v, %v, want %v", after, got, err, want)
		}
		if len(want) == 0 && !at.Equal(start.Add(next)) {
			t.Fatalf("after %v: the next is at %v, want %v", after, at.Sub(start), next)
		}
		return past
	}
	warned := func(past []spool.Delivery) {
		t.Helper()
		out := spool.Settlement{Recipients: slices.Clone(past[0].Recipients)}
		for i := range out.Recipients {
			out.Recipients[i].WarnAt = time.Time{}
		}
		if err := s.s.Settle(t.Context(), &past[0], out); err != nil {
			t.Fatal(err)
		}
	}
	expect(time.Minute, time.Hour)
	past := expect(time.Hour, 0, "soon@x", "soon2@x")
	warned(past)
	expect(time.Hour, 2*time.Hour)
	s.s = s.Restart(t, true)
	warned(expect(2*time.Hour, 0, "late@x"))
	expect(2*time.Hour, 3*time.Hour)
	s.settle(t, expect(3*time.Hour, 0, "soon@x")[0], relay.Expired)
	expect(4*time.Hour, 5*24*time.Hour)
}

// warningsRerouted: what a reroute says of warnings is what counts.
func (s *suite) warningsRerouted(t *testing.T) {
	s.s.UseTable("monday")
	m := Accept(t, s.s, "x", Recipients("a", "x@x")...)
	s.s.UseTable("tuesday")
	_, err := s.s.Reroute(t.Context(), func(_ relay.Message, to []relay.Recipient) ([]relay.Recipient, []relay.Event) {
		to[0].WarnAt = time.Now().Add(time.Minute)
		return to, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute) // of the bubble's clock
	past, _, err := s.s.Expired(t.Context(), time.Now(), 10)
	if err != nil || len(past) != 1 || past[0].Message.ID != m.ID {
		t.Fatalf("%+v %v", past, err)
	}
}

// signatures: what was signed once comes back with every later delivery.
func (s *suite) signatures(t *testing.T) {
	made := func(n int) *relay.Signature {
		return &relay.Signature{Fingerprint: [32]byte{byte(n)}, Fields: fmt.Sprintf("DKIM-Signature: %d\r\n", n)}
	}
	want := func(d spool.Delivery, ns ...int) {
		t.Helper()
		var list []relay.Signature
		for _, n := range ns {
			list = append(list, *made(n))
		}
		if !slices.Equal(d.Signatures, list) {
			t.Fatalf("signatures %+v, want %v", d.Signatures, ns)
		}
	}
	again := func(d spool.Delivery, sig *relay.Signature) spool.Delivery {
		t.Helper()
		if err := s.s.Settle(t.Context(), &d, spool.Settlement{Recipients: d.Recipients, Signature: sig}); err != nil {
			t.Fatal(err)
		}
		return s.claimOne(t, "a")
	}
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	d := s.claimOne(t, "a")
	want(d)
	for n := range 8 {
		d = again(d, made(n))
	}
	want(d, 0, 1, 2, 3, 4, 5, 6, 7)
	d = again(d, made(3))
	want(d, 0, 1, 2, 4, 5, 6, 7, 3)
	d = again(d, made(8))
	want(d, 1, 2, 4, 5, 6, 7, 3, 8)
	if err := s.s.Mark(&d, []int{0}, made(9))(); err != nil {
		t.Fatal(err)
	}
	d = again(d, nil)
	want(d, 2, 4, 5, 6, 7, 3, 8, 9)
	if err := s.s.Mark(&d, []int{0}, made(10))(); err != nil {
		t.Fatal(err)
	}
	s.s = s.Restart(t, true)
	s.s.Open("a", true)
	doubts, err := s.s.Doubts(t.Context())
	if err != nil || len(doubts) != 1 {
		t.Fatal(doubts, err)
	}
	want(doubts[0], 4, 5, 6, 7, 3, 8, 9, 10)
	d = again(doubts[0], nil)
	want(d, 4, 5, 6, 7, 3, 8, 9, 10)
	s.settle(t, d, relay.Delivered)
	if got := s.states(t, m.ID); got != "delivered" {
		t.Fatalf("states %s", got)
	}
}
