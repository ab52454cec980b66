package spooltest

import (
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// intentAt is when the intents of the suite were wanted.
func intentAt() time.Time { return time.Unix(1_000_000, 5).UTC() }

// want leaves an intent for everything that is being sent.
func (s *suite) want(t *testing.T, f spool.Filter, action string) {
	t.Helper()
	err := s.s.Act(t.Context(), f, func(in spool.Selected) *spool.Settlement {
		out := spool.Settlement{Recipients: slices.Clone(in.Recipients), Intend: carryOut}
		for _, i := range in.SendingIndex {
			out.Intents = append(out.Intents, spool.Intent{
				Index: i, Action: action, By: "root", At: intentAt(), Instead: &relay.Recipient{Address: "elsewhere@example.com"},
			})
		}
		return &out
	}, func(spool.Selected, *spool.Settlement, []spool.Notice) {})
	if err != nil {
		t.Fatalf("Act: %v", err)
	}
}

// carryOut ends what is not delivered in the way of the intent.
func carryOut(to []relay.Recipient, wanted []spool.Intent) (told []relay.Event) {
	for _, in := range wanted {
		r := &to[in.Index]
		told = append(told, relay.Event{Kind: relay.EventOperator, To: r.Address, Detail: in.Action + " by " + in.By})
		if r.State == relay.Delivered || in.Instead == nil || !in.At.Equal(intentAt()) {
			continue
		}
		r.State, r.FinishedAt = relay.Deleted, time.Now().UTC()
		if in.Action == "bounce" {
			r.State = relay.Bounced
		}
	}
	return told
}

// settleIntended settles as a scheduler does, and gives what was told.
func (s *suite) settleIntended(t *testing.T, d spool.Delivery, state relay.State) (told []relay.Event) {
	t.Helper()
	out := spool.Settlement{Recipients: slices.Clone(d.Recipients), Intend: carryOut, Written: func(w []spool.Notice) {
		for i := range w {
			told = append(told, w[i].News()...)
		}
	}}
	for i := range out.Recipients {
		r := &out.Recipients[i]
		r.State, r.NextAttempt = state, time.Now()
		if state.Finished() {
			r.FinishedAt = time.Now().UTC()
		}
	}
	if err := s.s.Settle(t.Context(), &d, out); err != nil {
		t.Fatalf("Settle: %v", err)
	}
	return told
}

// intended: each recipient of two attempts gets its own.
func (s *suite) intended(t *testing.T) {
	s.s.Open("a", true)
	s.s.Open("b", true)
	m := Accept(t, s.s, "x", append(Recipients("a", "1@example.com", "2@example.com"), Recipients("b", "3@example.com")...)...)
	a, b := s.claimOne(t, "a"), s.claimOne(t, "b")
	s.want(t, spool.Filter{To: "2@*"}, "delete")
	s.want(t, spool.Filter{To: "3@*"}, "delete")
	if got := s.states(t, m.ID); got != "sending sending sending" {
		t.Fatal(got)
	}
	if told := s.settleIntended(t, a, relay.Queued); len(told) != 1 || told[0].Detail != "delete by root" || told[0].To != "2@example.com" {
		t.Errorf("%+v", told)
	}
	if got := s.states(t, m.ID); got != "queued deleted sending" {
		t.Error(got)
	}
	if told := s.settleIntended(t, b, relay.Delivered); len(told) != 1 {
		t.Errorf("%+v", told)
	}
	e, err := s.s.Get(t.Context(), m.ID)
	if got := s.states(t, m.ID); err != nil || got != "queued deleted delivered" || len(e.Events) != 2 {
		t.Errorf("%s: %+v %v", got, e.Events, err)
	}
	d := s.claimOne(t, "a")
	if told := s.settleIntended(t, d, relay.Delivered); len(d.Intents) > 0 || len(told) > 0 {
		t.Errorf("it was told twice: %+v", told)
	}
}

func (s *suite) intendedAnew(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com")...)
	d := s.claimOne(t, "a")
	s.want(t, spool.Filter{}, "delete")
	s.want(t, spool.Filter{}, "bounce")
	if told := s.settleIntended(t, d, relay.Queued); len(told) != 1 || told[0].Detail != "bounce by root" {
		t.Errorf("%+v", told)
	}
	if got := s.states(t, m.ID); got != "bounced" {
		t.Error(got)
	}
	m = Accept(t, s.s, "x", Recipients("a", "1@example.com")...)
	d = s.claimOne(t, "a")
	s.want(t, spool.Filter{}, "delete")
	s.want(t, spool.Filter{}, "")
	if told := s.settleIntended(t, d, relay.Queued); len(told) > 0 {
		t.Errorf("%+v", told)
	}
	if got := s.states(t, m.ID); got != "queued" {
		t.Error(got)
	}
}

// intendedCrash: an attempt that ends with its process, before its mark and
// after it, leaves the intent to the next one.
func (s *suite) intendedCrash(t *testing.T) {
	s.s.Open("a", true)
	plain := Accept(t, s.s, "x", Recipients("a", "1@example.com")...)
	marked := Accept(t, s.s, "x", Recipients("a", "2@example.com")...)
	s.claimOne(t, "a")
	d := s.claimOne(t, "a")
	if err := s.s.Mark(&d, []int{0}, nil)(); err != nil {
		t.Fatal(err)
	}
	s.want(t, spool.Filter{}, "delete")
	s.s = s.Restart(t, true)
	s.s.Open("a", true)
	doubts, err := s.s.Doubts(t.Context())
	if err != nil || len(doubts) != 1 || doubts[0].Message.ID != marked.ID {
		t.Fatalf("%+v %v", doubts, err)
	}
	for _, d := range []spool.Delivery{doubts[0], s.claimOne(t, "a")} {
		if !d.Intended(0) || d.Intents[0].By != "root" || d.Intents[0].Instead == nil {
			t.Errorf("%+v", d.Intents)
		}
		s.settleIntended(t, d, relay.Queued)
	}
	for _, id := range []relay.ID{plain.ID, marked.ID} {
		if got := s.states(t, id); got != "deleted" {
			t.Error(got)
		}
	}
}

// intendedLate: the attempt ends while the operator decides.
func (s *suite) intendedLate(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com")...)
	d := s.claimOne(t, "a")
	var written []spool.Notice
	err := s.s.Act(t.Context(), spool.Filter{}, func(in spool.Selected) *spool.Settlement {
		s.settle(t, d, relay.Queued)
		return &spool.Settlement{
			Recipients: in.Recipients, Intend: carryOut,
			Intents: []spool.Intent{{Index: in.SendingIndex[0], Action: "delete", At: intentAt(), Instead: &relay.Recipient{}}},
		}
	}, func(_ spool.Selected, _ *spool.Settlement, w []spool.Notice) { written = w })
	if got := s.states(t, m.ID); err != nil || got != "deleted" || len(written) != 1 {
		t.Errorf("%s: %v %v", got, written, err)
	}
	s.none(t, "a")
}

// intendedReports: the bounce that an intent makes is told, though the
// settlement had nothing to tell.
func (s *suite) intendedReports(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com")...)
	d := s.claimOne(t, "a")
	s.want(t, spool.Filter{}, "bounce")
	s.settleIntended(t, d, relay.Queued)
	past, _, err := s.s.Expired(t.Context(), time.Now(), 10)
	if err != nil || len(past) != 1 || past[0].Message.ID != m.ID {
		t.Fatalf("%+v %v", past, err)
	}
	reported := false
	err = s.s.Settle(t.Context(), &past[0], spool.Settlement{Report: func(finished []relay.Recipient) []spool.Notice {
		reported = len(finished) == 1
		return nil
	}})
	if err != nil || !reported {
		t.Errorf("reported %v: %v", reported, err)
	}
}
