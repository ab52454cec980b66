package spooltest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

func (s *suite) starving(t *testing.T) {
	s.s.Open("a", true)
	low := Recipients("a", "low@example.com")
	low[0].Priority = relay.Low
	id := Accept(t, s.s, "x", low...).ID
	for range 20 {
		high := Recipients("a", "high@example.com")
		high[0].Priority = relay.High
		Accept(t, s.s, "x", high...)
		d := s.claimOne(t, "a")
		s.settle(t, d, relay.Delivered)
		if d.Message.ID == id {
			return
		}
	}
	t.Error("20 claims have passed the low priority by")
}

func (s *suite) discarded(t *testing.T) {
	for _, size := range []int{10, 700_000} {
		to := Recipients("a", "x@example.com", "y@example.com")
		for i := range to {
			to[i].State, to[i].FinishedAt = relay.Deleted, time.Now().UTC()
		}
		m := Accept(t, s.s, string(make([]byte, size)), to...)
		e, err := s.s.Get(t.Context(), m.ID)
		if err != nil || !e.Finished() || e.HasBody || e.Message.Size != int64(size) {
			t.Fatalf("%+v %v", e, err)
		}
	}
	if st, err := s.s.Stats(t.Context()); err != nil || st.Messages != 0 || st.History != 2 {
		t.Errorf("%+v %v", st, err)
	}
}

func (s *suite) open(t *testing.T, cause string) (relay.Incident, bool) {
	t.Helper()
	i, opened, err := s.s.OpenIncident(t.Context(), relay.Incident{
		Cause: cause, Kind: relay.IncidentUpstream, Upstream: "a", Detail: "of " + cause, OpenedAt: time.Now().UTC(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return i, opened
}

func (s *suite) incident(t *testing.T) {
	one, opened := s.open(t, "auth")
	if !opened || one.Number != 1 || one.Times != 1 {
		t.Fatalf("%+v %v", one, opened)
	}
	if again, opened := s.open(t, "auth"); opened || again != one {
		t.Fatalf("%+v %v", again, opened)
	}
	if two, opened := s.open(t, "quota"); !opened || two.Number != 2 {
		t.Fatalf("%+v %v", two, opened)
	}
	time.Sleep(time.Minute) // of the bubble's clock
	closed, err := s.s.CloseIncident(t.Context(), 1, "probe")
	if err != nil || closed.ClosedBy != "probe" || closed.Open() {
		t.Fatalf("%+v %v", closed, err)
	}
	if _, err := s.s.CloseIncident(t.Context(), 1, "probe"); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("a second close: %v", err)
	}
	if _, err := s.s.CloseIncident(t.Context(), 9, "probe"); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("the close of none: %v", err)
	}
	s.s = s.Restart(t, false)
	if open := s.incidents(t, false); len(open) != 1 || open[0].Number != 2 {
		t.Errorf("open: %+v", open)
	}
	if all := s.incidents(t, true); len(all) != 2 || all[0] != closed {
		t.Errorf("all: %+v", all)
	}
	if again, opened := s.open(t, "auth"); !opened || again.Number != 1 || again.Times != 2 || !again.Open() {
		t.Errorf("opened again: %+v %v", again, opened)
	}
}

func (s *suite) incidents(t *testing.T, all bool) []relay.Incident {
	t.Helper()
	found, err := s.s.Incidents(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *suite) release(t *testing.T) {
	s.s.UseTable("monday")
	s.s.Open("a", true)
	s.s.Open("b", true)
	s.open(t, "auth")
	s.open(t, "quota")
	for range 600 { // more than a batch
		Accept(t, s.s, "x", Recipients("a", "1@example.com", "2@example.com", "3@example.com")...)
	}
	due, _ := s.claim(t, "a", 1000)
	for _, d := range due {
		out := spool.Settlement{Recipients: slices.Clone(d.Recipients)}
		for i := range 2 {
			out.Recipients[i].State, out.Recipients[i].Incident = relay.Held, int64(i+1)
		}
		out.Recipients[2].State = relay.Delivered
		if err := s.s.Settle(t.Context(), &d, out); err != nil {
			t.Fatal(err)
		}
	}
	if open := s.incidents(t, false); open[0].Held != 600 || open[1].Held != 600 {
		t.Fatalf("%+v", open)
	}
	s.s.UseTable("tuesday")
	n, err := s.s.ReleaseIncident(t.Context(), 1, func(_ relay.Message, r relay.Recipient) relay.Recipient {
		r.State, r.Incident, r.Eligible = relay.Queued, 0, []string{"b"}
		return r
	})
	if err != nil || n != 600 {
		t.Fatalf("released %d, %v", n, err)
	}
	if open := s.incidents(t, false); open[0].Held != 0 || open[1].Held != 600 {
		t.Fatalf("%+v", open)
	}
	due, _ = s.claim(t, "b", 1000)
	if len(due) != 600 || len(due[0].Recipients) != 1 || due[0].Recipients[0].Address != "1@example.com" {
		t.Fatalf("%d are due at b", len(due))
	}
	if n, err := s.s.ReleaseIncident(t.Context(), 1, nil); n != 0 || err != nil {
		t.Errorf("a second time: %d %v", n, err)
	}
	for nth := range 3 {
		n, err := s.s.ReleaseOne(t.Context(), 2, 1000*nth, func(_ relay.Message, r relay.Recipient) relay.Recipient {
			r.State, r.Incident = relay.Queued, 0
			return r
		})
		if err != nil || n != 1 {
			t.Errorf("one: %d %v", n, err)
		}
	}
	if open := s.incidents(t, false); open[1].Held != 597 {
		t.Errorf("%+v", open)
	}
	if due, _ := s.claim(t, "a", 1000); len(due) != 3 || due[0].Recipients[0].Address != "2@example.com" {
		t.Errorf("%d are due at a", len(due))
	}
	if n, err := s.s.ReleaseOne(t.Context(), 1, 7, nil); n != 0 || err != nil {
		t.Errorf("of an incident that holds nothing: %d %v", n, err)
	}
}

func (s *suite) laneState(t *testing.T) {
	if state, err := s.s.LaneState(t.Context(), "a"); state != nil || err != nil {
		t.Fatalf("%q %v", state, err)
	}
	if err := s.s.KeepLaneState(t.Context(), "a", []byte("one")); err != nil {
		t.Fatal(err)
	}
	s.s.Open("a", true)
	Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	d := s.claimOne(t, "a")
	out := spool.Settlement{Recipients: d.Recipients, LaneState: func() []byte { return []byte("two") }}
	if err := s.s.Settle(t.Context(), &d, out); err != nil {
		t.Fatal(err)
	}
	s.s = s.Restart(t, false)
	if state, err := s.s.LaneState(t.Context(), "a"); string(state) != "two" || err != nil {
		t.Errorf("%q %v", state, err)
	}
}

func (s *suite) releaseMerges(t *testing.T) {
	s.s.Open("a", true)
	s.open(t, "auth")
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com", "2@example.com")...)
	d := s.claimOne(t, "a")
	out := spool.Settlement{Recipients: slices.Clone(d.Recipients)}
	for i := range out.Recipients {
		out.Recipients[i].State, out.Recipients[i].Incident = relay.Held, 1
	}
	if err := s.s.Settle(t.Context(), &d, out); err != nil {
		t.Fatal(err)
	}
	n, err := s.s.ReleaseIncident(t.Context(), 1, func(_ relay.Message, r relay.Recipient) relay.Recipient {
		r.State, r.Incident = relay.Queued, 0
		return r.Redirect("qa@example.com")
	})
	if got := s.states(t, m.ID); err != nil || n != 2 || got != "queued deleted" {
		t.Errorf("%s: released %d, %v", got, n, err)
	}
	if d := s.claimOne(t, "a"); len(d.Recipients) != 1 || d.Recipients[0].OriginalRecipient != "rfc822;1@example.com" {
		t.Errorf("%+v", d.Recipients)
	}
}
