package spooltest

import (
	"testing"

	"relaykeep/relay"
)

func (s *suite) doubt(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com", "2@example.com", "3@example.com")...)
	d := s.claimOne(t, "a")
	if err := s.s.Mark(&d, []int{0, 2}, nil)(); err != nil {
		t.Fatal(err)
	}
	s.s = s.Restart(t, true)
	s.s.Open("a", true)
	due, _ := s.claim(t, "a", 10)
	if len(due) != 1 || len(due[0].Recipients) != 1 || due[0].Recipients[0].Address != "2@example.com" {
		t.Fatalf("after a crash %+v is due, want the one that was not marked", due)
	}
	doubts, err := s.s.Doubts(t.Context())
	if err != nil || len(doubts) != 1 {
		t.Fatalf("doubts %v %v", doubts, err)
	}
	got := doubts[0]
	if got.Message.ID != m.ID || got.Lane != "a" || got.MarkedAt.IsZero() || len(got.Recipients) != 2 ||
		got.Recipients[0].Address != "1@example.com" || got.Recipients[1].Address != "3@example.com" {
		t.Fatalf("doubt %+v", got)
	}
	if again, _ := s.s.Doubts(t.Context()); len(again) != 0 {
		t.Fatal("a doubt was handed out twice")
	}
	s.settle(t, got, relay.Held, relay.Queued)
	s.settle(t, due[0], relay.Delivered)
	if got := s.states(t, m.ID); got != "held delivered queued" {
		t.Fatalf("states %s", got)
	}
	s.s = s.Restart(t, true)
	if left, _ := s.s.Doubts(t.Context()); len(left) != 0 {
		t.Fatalf("a settled doubt came back: %v", left)
	}
}

func (s *suite) unmarked(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	s.claimOne(t, "a")
	s.s = s.Restart(t, true)
	s.s.Open("a", true)
	if doubts, _ := s.s.Doubts(t.Context()); len(doubts) != 0 {
		t.Fatalf("doubts %v", doubts)
	}
	if d := s.claimOne(t, "a"); d.Message.ID != m.ID {
		t.Fatal("another message")
	}
}
