package spooltest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// reporter gives one notice for what is finished, and remembers what was stored.
type reporter struct{ written []string }

func (r *reporter) settlement(d spool.Delivery, states ...relay.State) spool.Settlement {
	out := spool.Settlement{Recipients: slices.Clone(d.Recipients)}
	for i, state := range states {
		p := &out.Recipients[i]
		p.LastAt = time.Now().UTC()
		if p.State = state; state.Finished() {
			p.FinishedAt = time.Now().UTC()
		}
	}
	out.Report = func(finished []relay.Recipient) []spool.Notice {
		var lines []string
		for _, p := range finished {
			lines = append(lines, p.Address+" "+p.State.String())
		}
		return []spool.Notice{Notice(strings.Join(lines, ", "))}
	}
	out.Written = func(notices []spool.Notice) {
		for _, n := range notices {
			r.written = append(r.written, string(n.Body))
		}
	}
	return out
}

// settleReported settles d with a report.
func (s *suite) settleReported(t *testing.T, r *reporter, d spool.Delivery, states ...relay.State) {
	t.Helper()
	if err := s.s.Settle(t.Context(), &d, r.settlement(d, states...)); err != nil {
		t.Fatalf("Settle: %v", err)
	}
}

// reported compares what was reported with the notices that are due.
func (s *suite) reported(t *testing.T, r *reporter, want ...string) {
	t.Helper()
	if !slices.Equal(r.written, want) {
		t.Fatalf("reported %q, want %q", r.written, want)
	}
	s.s.Open("b", true)
	due, _ := s.claim(t, "b", 100)
	var got []string
	for _, d := range due {
		got = append(got, s.read(t, d.Message))
		s.s.Release(&d)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the notices that are due say %q, want %q", got, want)
	}
}

// reportTogether: the last of several deliveries reports for all of them.
func (s *suite) reportTogether(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@x", "2@x", "3@x", "4@x", "5@x")...)
	var due []spool.Delivery
	for range 3 {
		ds, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 2})
		if err != nil || len(ds) != 1 {
			t.Fatal(ds, err)
		}
		due = append(due, ds...)
	}
	var r reporter
	s.settleReported(t, &r, due[1], relay.Bounced, relay.Delivered)
	s.settleReported(t, &r, due[0], relay.Queued, relay.Bounced)
	s.reported(t, &r)
	s.settleReported(t, &r, due[2], relay.Bounced)
	want := []string{"2@x bounced, 3@x bounced, 4@x delivered, 5@x bounced"}
	s.reported(t, &r, want...)
	s.s = s.Restart(t, true) // what was reported is not again
	s.s.Open("a", true)
	s.settleReported(t, &r, s.claimOne(t, "a"), relay.Expired)
	s.reported(t, &r, append(want, "1@x expired")...)
	e, err := s.s.Get(t.Context(), m.ID)
	if err != nil || !e.Finished() {
		t.Fatalf("%+v %v", e, err)
	}
	for _, p := range e.Recipients {
		if !p.Reported {
			t.Errorf("%s is not marked as reported", p.Address)
		}
	}
}

// reportAtOnce: of deliveries that settle at the same time one reports for all.
func (s *suite) reportAtOnce(t *testing.T) {
	s.s.Open("a", true)
	for range 20 {
		Accept(t, s.s, "x", Recipients("a", "1@x", "2@x", "3@x", "4@x")...)
		due, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 4, Recipients: 1})
		if err != nil || len(due) != 4 {
			t.Fatal(due, err)
		}
		reports := make([]reporter, len(due))
		done := make(chan error)
		for i, d := range due {
			go func() { done <- s.s.Settle(t.Context(), &d, reports[i].settlement(d, relay.Bounced)) }()
		}
		for range due {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		var all []string
		for _, r := range reports {
			all = append(all, r.written...)
		}
		if len(all) != 1 || all[0] != "1@x bounced, 2@x bounced, 3@x bounced, 4@x bounced" {
			t.Fatalf("reported %q", all)
		}
	}
}

// reportInParts: where a message is claimed part by part, the report waits for
// those that were not tried yet, but not for those that are to be tried again.
func (s *suite) reportInParts(t *testing.T) {
	s.s.Open("a", true)
	Accept(t, s.s, "x", Recipients("a", "1@x", "2@x", "3@x")...)
	var r reporter
	for _, state := range []relay.State{relay.Bounced, relay.Queued, relay.Bounced} {
		if len(r.written) > 0 {
			t.Fatalf("reported too early: %q", r.written)
		}
		ds, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 1})
		if err != nil || len(ds) != 1 {
			t.Fatal(ds, err)
		}
		ds[0].Recipients[0].NextAttempt = time.Now().Add(time.Hour) // where it is queued again
		s.settleReported(t, &r, ds[0], state)
	}
	s.reported(t, &r, "1@x bounced, 3@x bounced")
}

// reportLeft: what was left to a delivery that never settled is handed out by
// Expired, however the delivery ended.
func (s *suite) reportLeft(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, d *spool.Delivery){
		"released": func(_ *testing.T, d *spool.Delivery) { s.s.Release(d) },
		"lost":     func(t *testing.T, _ *spool.Delivery) { s.s = s.Restart(t, true) },
	} {
		s.s.Open("a", true)
		m := Accept(t, s.s, "kept for the bounce", Recipients("a", "1@x", "2@x")...)
		due, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 2, Recipients: 1})
		if err != nil || len(due) != 2 {
			t.Fatal(name, due, err)
		}
		var r reporter
		s.settleReported(t, &r, due[0], relay.Bounced)
		if past, _, err := s.s.Expired(t.Context(), time.Now(), 10); err != nil || len(past) != 0 {
			t.Fatalf("%s: %+v, %v while the other is being sent", name, past, err)
		}
		end(t, &due[1])
		if past, _, err := s.s.Expired(t.Context(), time.Now(), 10); err != nil || len(past) != 0 {
			t.Fatalf("%s: %+v, %v though the other is due", name, past, err)
		}
		time.Sleep(spool.ReportPatience)
		past, _, err := s.s.Expired(t.Context(), time.Now(), 10)
		if err != nil || len(past) != 1 || len(past[0].Recipients) != 0 || past[0].Message.ID != m.ID {
			t.Fatalf("%s: %+v, %v", name, past, err)
		}
		if again, _, _ := s.s.Expired(t.Context(), time.Now(), 10); len(again) != 0 {
			t.Fatalf("%s: the same twice", name)
		}
		s.settleReported(t, &r, past[0])
		if !slices.Equal(r.written, []string{"1@x bounced"}) {
			t.Fatalf("%s: reported %q", name, r.written)
		}
		if again, _, _ := s.s.Expired(t.Context(), time.Now(), 10); len(again) != 0 {
			t.Fatalf("%s: once more after the report", name)
		}
		s.s.Open("a", true)
		s.settleReported(t, &r, s.claimOne(t, "a"), relay.Delivered)
		if !slices.Equal(r.written, []string{"1@x bounced", "2@x delivered"}) {
			t.Fatalf("%s: reported %q", name, r.written)
		}
		if got := s.states(t, m.ID); got != "bounced delivered" {
			t.Fatalf("%s: states %s", name, got)
		}
	}
}

// reportOutlivesItsMessage: a message whose last recipients end otherwise than
// by a settlement waits for its report, with its body.
func (s *suite) reportOutlivesItsMessage(t *testing.T) {
	s.s.UseTable("monday")
	s.s.Open("a", true)
	m := Accept(t, s.s, "kept for the bounce", Recipients("a", "1@x", "2@x")...)
	due, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 2, Recipients: 1})
	if err != nil || len(due) != 2 {
		t.Fatal(due, err)
	}
	var r reporter
	s.settleReported(t, &r, due[0], relay.Bounced)
	s.s.Release(&due[1])
	s.s.UseTable("tuesday")
	_, err = s.s.Reroute(t.Context(), func(_ relay.Message, to []relay.Recipient) ([]relay.Recipient, []relay.Event) {
		to[1].State, to[1].FinishedAt = relay.Deleted, time.Now()
		return to, []relay.Event{{Kind: relay.EventDeleted, To: to[1].Address}}
	}, nil)
	if got := s.states(t, m.ID); err != nil || got != "bounced deleted" {
		t.Fatalf("%s, %v", got, err)
	}
	if got := s.kinds(t, m.ID); got != "deleted" {
		t.Fatalf("events %s", got)
	}
	s.s = s.Restart(t, true)
	past, _, err := s.s.Expired(t.Context(), time.Now(), 10)
	if err != nil || len(past) != 1 || s.read(t, past[0].Message) != "kept for the bounce" {
		t.Fatalf("%+v, %v", past, err)
	}
	s.settleReported(t, &r, past[0])
	s.reported(t, &r, "1@x bounced, 2@x deleted")
	st, err := s.s.Stats(t.Context())
	if err != nil || st.History != 1 || st.Messages != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
}

// reportNobodyWants: where nobody asks for reports none is due.
func (s *suite) reportNobodyWants(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@x", "2@x", "3@x")...)
	due, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 3, Recipients: 1})
	if err != nil || len(due) != 3 {
		t.Fatal(due, err)
	}
	var r reporter
	s.settleReported(t, &r, due[0], relay.Bounced)
	s.settle(t, due[1], relay.Queued)
	s.s.Release(&due[2])
	time.Sleep(spool.ReportPatience)
	past, _, err := s.s.Expired(t.Context(), time.Now(), 10)
	if err != nil || len(past) != 1 {
		t.Fatalf("%+v, %v", past, err)
	}
	s.settle(t, past[0]) // the reporter has gone with a reload
	if past, _, _ := s.s.Expired(t.Context(), time.Now(), 10); len(past) != 0 {
		t.Fatalf("%+v is handed out for ever", past)
	}
	if got := s.states(t, m.ID); got != "bounced queued queued" {
		t.Fatalf("states %s", got)
	}
}

// reportDoubts: doubts report like any delivery, the empty ones of a message
// that is finished, too.
func (s *suite) reportDoubts(t *testing.T) {
	s.s.Open("a", true)
	Accept(t, s.s, "x", Recipients("a", "1@x", "2@x")...)
	due, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 2, Recipients: 1})
	if err != nil || len(due) != 2 {
		t.Fatal(due, err)
	}
	for i := range due {
		if err := s.s.Mark(&due[i], []int{0}, nil)(); err != nil {
			t.Fatal(err)
		}
	}
	var r reporter
	s.settleReported(t, &r, due[0], relay.Bounced)
	s.s = s.Restart(t, true)
	doubts, err := s.s.Doubts(t.Context())
	if err != nil || len(doubts) != 1 {
		t.Fatal(doubts, err)
	}
	if past, _, _ := s.s.Expired(t.Context(), time.Now(), 10); len(past) != 0 {
		t.Fatalf("%+v before the doubt is settled", past)
	}
	s.settleReported(t, &r, doubts[0], relay.Bounced)
	s.reported(t, &r, "1@x bounced, 2@x bounced")
}
