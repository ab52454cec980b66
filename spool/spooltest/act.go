package spooltest

import (
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// act gives the selected recipients a state, and counts what was stored.
func (s *suite) act(t *testing.T, f spool.Filter, state relay.State) (recipients, sending int) {
	t.Helper()
	err := s.s.Act(t.Context(), f, func(in spool.Selected) *spool.Settlement {
		sending += len(in.Sending)
		if len(in.Recipients) == 0 {
			return nil
		}
		out := spool.Settlement{Recipients: slices.Clone(in.Recipients)}
		for i := range out.Recipients {
			r := &out.Recipients[i]
			r.State, r.NextAttempt, r.FinishedAt, r.HoldReason = state, time.Now(), time.Time{}, ""
			switch {
			case state.Finished():
				r.FinishedAt = time.Now().UTC()
			case state == relay.Held:
				r.HoldReason = relay.HoldOperator
			}
			out.Events = append(out.Events, relay.Event{Kind: relay.EventOperator, At: time.Now().UTC(), Message: in.Message.ID, To: r.Address})
		}
		return &out
	}, func(in spool.Selected, out *spool.Settlement, _ []spool.Notice) {
		if len(out.Events) != len(in.Recipients) {
			t.Errorf("%d events of %d recipients", len(out.Events), len(in.Recipients))
		}
		recipients += len(out.Recipients)
	})
	if err != nil {
		t.Fatalf("Act: %v", err)
	}
	return recipients, sending
}

// acted covers more than a batch, filters by recipient, and the limit.
func (s *suite) acted(t *testing.T) {
	s.s.Open("a", true)
	const n = 600
	for range n {
		Accept(t, s.s, "x", Recipients("a", "1@example.com", "2@example.com")...)
	}
	if got, _ := s.act(t, spool.Filter{To: "2@*"}, relay.Held); got != n {
		t.Fatalf("held %d", got)
	}
	if got, _ := s.act(t, spool.Filter{States: []relay.State{relay.Held}, Limit: 10}, relay.Deleted); got != 10 {
		t.Fatalf("deleted %d", got)
	}
	due, _ := s.claim(t, "a", 2*n)
	if len(due) != n {
		t.Fatalf("%d are due", len(due))
	}
	for _, d := range due {
		if len(d.Recipients) != 1 || d.Recipients[0].Address != "1@example.com" {
			t.Fatalf("%v", d.Recipients)
		}
		s.settle(t, d, relay.Delivered)
	}
	st, err := s.s.Stats(t.Context())
	if err != nil || st.Messages != n-10 || st.History != 10 {
		t.Fatalf("%+v %v", st, err)
	}
	s.s = s.Restart(t, false)
	s.s.Open("a", true)
	if got, _ := s.act(t, spool.Filter{States: []relay.State{relay.Held}}, relay.Queued); got != n-10 {
		t.Fatalf("released %d", got)
	}
	if due, _ := s.claim(t, "a", 2*n); len(due) != n-10 {
		t.Fatalf("%d are due", len(due))
	}
}

// actedBesideSending: what is being sent cannot be changed, what is beside it
// can; nobody is offered what an operator has in his hands.
func (s *suite) actedBesideSending(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", append(Recipients("a", "1@example.com"), Recipients("b", "2@example.com")...)...)
	d := s.claimOne(t, "a")
	if got, sending := s.act(t, spool.Filter{IDs: []relay.ID{m.ID}}, relay.Held); got != 1 || sending != 1 {
		t.Fatalf("%d changed, %d are being sent", got, sending)
	}
	s.settle(t, d, relay.Queued)
	err := s.s.Act(t.Context(), spool.Filter{}, func(spool.Selected) *spool.Settlement {
		s.none(t, "a")
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.settle(t, s.claimOne(t, "a"), relay.Delivered)
	if got := s.states(t, m.ID); got != "delivered held" {
		t.Error(got)
	}
}

// actedOnHistory: what was bounced is tried again while its body is there, by
// the routing table of today.
func (s *suite) actedOnHistory(t *testing.T) {
	s.s.UseTable("monday")
	s.s.Open("a", true)
	m := Accept(t, s.s, "the text", Recipients("a", "1@example.com")...)
	other := Accept(t, s.s, "x", Recipients("a", "2@example.com")...)
	s.settle(t, s.claimOne(t, "a"), relay.Bounced)
	s.settle(t, s.claimOne(t, "a"), relay.Delivered)
	s.s.UseTable("tuesday")
	f := spool.Filter{IDs: []relay.ID{m.ID, other.ID, m.ID}, States: []relay.State{relay.Bounced}}
	if got, _ := s.act(t, f, relay.Queued); got != 1 {
		t.Fatalf("%d are tried again", got)
	}
	if st, err := s.s.Stats(t.Context()); err != nil || st.Messages != 1 || st.History != 1 {
		t.Fatalf("%+v %v", st, err)
	}
	s.s = s.Restart(t, true)
	s.s.UseTable("tuesday")
	s.s.Open("a", true)
	d := s.claimOne(t, "a")
	if got := s.read(t, d.Message); got != "the text" {
		t.Errorf("the body is %q", got)
	}
	s.settle(t, d, relay.Delivered)
	e, err := s.s.Get(t.Context(), m.ID)
	if err != nil || e.HasBody || len(e.Events) != 3 || e.Events[1].Kind != relay.EventOperator {
		t.Fatalf("%+v %v", e, err)
	}
}

// actedReports: what an operator ends is told as if a delivery had ended it.
func (s *suite) actedReports(t *testing.T) {
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com")...)
	notice := relay.Message{ID: spool.NewID(), ReceivedAt: time.Now().UTC()}
	var written []spool.Notice
	err := s.s.Act(t.Context(), spool.Filter{}, func(in spool.Selected) *spool.Settlement {
		if !in.HasBody || in.Message.ID != m.ID {
			t.Errorf("%+v", in)
		}
		out := spool.Settlement{Recipients: slices.Clone(in.Recipients), Report: func(finished []relay.Recipient) []spool.Notice {
			return []spool.Notice{{Message: &notice, Recipients: Recipients("a", finished[0].Address), Body: []byte("told")}}
		}}
		out.Recipients[0].State, out.Recipients[0].FinishedAt = relay.Bounced, time.Now().UTC()
		return &out
	}, func(_ spool.Selected, _ *spool.Settlement, w []spool.Notice) { written = w })
	if err != nil || len(written) != 1 {
		t.Fatalf("%v %v", written, err)
	}
	s.s.Open("a", true)
	if d := s.claimOne(t, "a"); d.Message.ID != notice.ID || s.read(t, d.Message) != "told" {
		t.Errorf("%+v", d)
	}
}
