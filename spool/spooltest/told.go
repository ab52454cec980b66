package spooltest

import (
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// told: the events that a notice has for the message that it is about go there,
// and those that say why there is no notice.
func (s *suite) told(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@example.com", "2@example.com")...)
	d := s.claimOne(t, "a")
	if d.Others {
		t.Error("there are no others")
	}
	d.Recipients[0].State = relay.Bounced
	event := func(id relay.ID, detail string) []relay.Event {
		return []relay.Event{{Kind: relay.EventAccepted, At: time.Now(), Message: id, Detail: detail}}
	}
	about := relay.Message{ID: spool.NewID(), ReceivedAt: time.Now()}
	notices := []spool.Notice{
		{Message: &about, Recipients: Recipients("b", "0@example.com"), Body: []byte("\r\n"), Events: event(about.ID, "notice"), Told: event(m.ID, "told")},
		{Told: event(m.ID, "refused")},
	}
	written := 0
	err := s.s.Settle(t.Context(), &d, spool.Settlement{
		Recipients: d.Recipients, Events: event(m.ID, "own"),
		Report:  func([]relay.Recipient) []spool.Notice { return notices },
		Written: func(n []spool.Notice) { written = len(n) },
	})
	if err != nil || written != len(notices) {
		t.Fatalf("%d were written: %v", written, err)
	}
	for id, want := range map[relay.ID][]string{m.ID: {"own", "told", "refused"}, about.ID: {"notice"}} {
		e, err := s.s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Events) != len(want) {
			t.Fatalf("events %+v, want %v", e.Events, want)
		}
		for i, detail := range want {
			if e.Events[i].Detail != detail {
				t.Errorf("event %d is %+v, want %s", i, e.Events[i], detail)
			}
		}
	}
	if d = s.claimOne(t, "a"); !d.Others {
		t.Error("there is another")
	}
	s.s.Release(&d)
}
