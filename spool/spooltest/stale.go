package spooltest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// stale reports whether there is a token that asks for a reroute.
func (s *suite) stale() bool {
	select {
	case <-s.s.Stale():
		return true
	default:
		return false
	}
}

func (s *suite) reroute(t *testing.T) {
	s.s.UseTable("monday")
	s.s.Open("a", true)
	s.s.Open("b", true)
	var ids []relay.ID
	for range 600 { // more than a batch
		ids = append(ids, Accept(t, s.s, "x", Recipients("a", "x@example.com")...).ID)
	}
	s.s.UseTable("tuesday")
	s.none(t, "a")
	n, err := s.s.Reroute(t.Context(), func(_ relay.Message, to []relay.Recipient) ([]relay.Recipient, []relay.Event) {
		to[0].Eligible = []string{"b"}
		return to, nil
	}, nil)
	if err != nil || n != 600 {
		t.Fatalf("rerouted %d, %v", n, err)
	}
	s.none(t, "a")
	due, _ := s.claim(t, "b", 1000)
	if len(due) != 600 || due[0].Message.ID != ids[0] {
		t.Fatalf("%d are due at b", len(due))
	}
	if n, err := s.s.Reroute(t.Context(), nil, nil); n != 0 || err != nil {
		t.Fatalf("a second time: %d %v", n, err)
	}
}

// toB reroutes what waits under another table to the lane b, and wants it to be
// n messages.
func (s *suite) toB(t *testing.T, n int) {
	t.Helper()
	got, err := s.s.Reroute(t.Context(), func(_ relay.Message, to []relay.Recipient) ([]relay.Recipient, []relay.Event) {
		to[0].Eligible = []string{"b"}
		return to, nil
	}, nil)
	if err != nil || got != n {
		t.Fatalf("rerouted %d, %v; want %d", got, err, n)
	}
}

// late: who was given its way by an older table, or was being sent by it, and
// comes after the change is not lost between the two.
func (s *suite) late(t *testing.T) {
	s.s.UseTable("monday")
	s.s.Open("a", true)
	Accept(t, s.s, "x", Recipients("a", "sent@example.com")...)
	d := s.claimOne(t, "a")
	s.s.UseTable("tuesday")
	if !s.stale() || s.stale() {
		t.Fatal("a new table wants a reroute, once")
	}
	s.settle(t, d, relay.Queued)
	if !s.stale() {
		t.Fatal("what was being sent wants a reroute")
	}
	s.toB(t, 1)
	m := relay.Message{ID: spool.NewID(), From: "app@example.com", ReceivedAt: time.Now().UTC()}
	in := &spool.Incoming{Message: &m, Recipients: Recipients("a", "late@example.com"), Table: "monday", Body: strings.NewReader("x")}
	if err := s.s.Accept(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if !s.stale() {
		t.Fatal("what was routed before wants a reroute")
	}
	s.none(t, "a")
	s.toB(t, 1)
	Accept(t, s.s, "x", Recipients("b", "new@example.com")...)
	s.s.Open("b", true)
	if due, _ := s.claim(t, "b", 10); len(due) != 3 {
		t.Fatalf("%d are due at b", len(due))
	}
}

// actedWhileChanging: the way that an operator's release gave may be that of
// the older table.
func (s *suite) actedWhileChanging(t *testing.T) {
	s.s.UseTable("monday")
	Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	s.act(t, spool.Filter{}, relay.Held)
	err := s.s.Act(t.Context(), spool.Filter{}, func(in spool.Selected) *spool.Settlement {
		out := spool.Settlement{Recipients: slices.Clone(in.Recipients)}
		out.Recipients[0].State, out.Recipients[0].HoldReason, out.Recipients[0].NextAttempt = relay.Queued, "", time.Now()
		s.s.UseTable("tuesday")
		return &out
	}, func(spool.Selected, *spool.Settlement, []spool.Notice) {})
	if err != nil {
		t.Fatal(err)
	}
	s.toB(t, 1)
}

// rerouteTells: events are told once they can be read.
func (s *suite) rerouteTells(t *testing.T) {
	s.s.UseTable("monday")
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com")...)
	s.s.UseTable("tuesday")
	var told []relay.Event
	_, err := s.s.Reroute(t.Context(), func(m relay.Message, to []relay.Recipient) ([]relay.Recipient, []relay.Event) {
		return to, []relay.Event{{Kind: relay.EventHeld, Message: m.ID, At: time.Now().UTC()}}
	}, func(events []relay.Event) {
		told = append(told, events...)
		if e, err := s.s.Get(t.Context(), m.ID); err != nil || len(e.Events) != 1 {
			t.Errorf("stored: %+v %v", e.Events, err)
		}
	})
	if err != nil || len(told) != 1 || told[0].Message != m.ID {
		t.Errorf("told %+v: %v", told, err)
	}
}
