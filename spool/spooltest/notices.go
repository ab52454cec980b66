package spooltest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Notice makes a notice that goes by lane b.
func Notice(body string) spool.Notice {
	in := incoming(body, Recipients("b", "app@example.com")...)
	in.Message.From, in.Message.Listener, in.Message.Client = "", "", ""
	return spool.Notice{
		Message: in.Message, Recipients: in.Recipients, Body: []byte(body),
		Events: []relay.Event{{Kind: relay.EventAccepted, At: time.Now().UTC()}},
	}
}

func (s *suite) notices(t *testing.T) {
	s.s.Open("a", true)
	s.s.Open("b", true)
	m := Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	d := s.claimOne(t, "a")
	sent := []spool.Notice{Notice("short"), Notice(strings.Repeat("0123456789abcdef", spool.MaxNotice/16)), Notice("")}
	discarded := Notice("nobody reads it")
	discarded.Recipients[0].State = relay.Deleted
	out := spool.Settlement{Recipients: slices.Clone(d.Recipients), Notices: append(slices.Clone(sent), discarded)}
	out.Recipients[0].State, out.Recipients[0].FinishedAt = relay.Bounced, time.Now()
	written := 0
	out.Written = func(n []spool.Notice) { written += len(n) }
	if err := s.s.Settle(t.Context(), &d, out); err != nil {
		t.Fatal(err)
	}
	if written != 4 {
		t.Fatalf("told of %d notices", written)
	}
	select {
	case <-s.s.Ready("b"):
	default:
		t.Fatal("a notice does not wake its lane")
	}
	s.s = s.Restart(t, true)
	s.s.Open("b", true)
	due, _ := s.claim(t, "b", 100)
	if len(due) != 3 || s.states(t, m.ID) != "bounced" {
		t.Fatalf("%d notices are due, the message is %s", len(due), s.states(t, m.ID))
	}
	for i, n := range sent {
		if got := due[i].Message; got != *n.Message || got.Size != int64(len(n.Body)) {
			t.Fatalf("notice %d is %+v", i, got)
		}
		if s.read(t, due[i].Message) != string(n.Body) || s.kinds(t, due[i].Message.ID) != "accepted" {
			t.Fatalf("notice %d came back changed", i)
		}
		s.settle(t, due[i], relay.Delivered)
	}
	if got := s.states(t, discarded.Message.ID); got != "deleted" {
		t.Fatalf("the discarded one is %s", got)
	}
}

// badNotices: a settlement with a notice that cannot be stored changes nothing.
func (s *suite) badNotices(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	d := s.claimOne(t, "a")
	nobody, huge, again, noID := Notice("x"), Notice("x"), Notice("x"), Notice("x")
	nobody.Recipients = nil
	huge.Body = make([]byte, spool.MaxNotice+1)
	again.Message.ID = m.ID
	noID.Message.ID = "../x"
	for name, n := range map[string]spool.Notice{"for nobody": nobody, "too large": huge, "an id in use": again, "no id": noID} {
		for _, reported := range []bool{false, true} {
			good := Notice("good")
			out := spool.Settlement{Recipients: slices.Clone(d.Recipients), Notices: []spool.Notice{good, n}}
			out.Recipients[0].State, out.Recipients[0].FinishedAt = relay.Bounced, time.Now()
			if reported {
				out.Notices = nil
				out.Report = func([]relay.Recipient) []spool.Notice { return []spool.Notice{good, n} }
			}
			out.Written = func([]spool.Notice) { t.Errorf("%s: it was written", name) }
			if err := s.s.Settle(t.Context(), &d, out); err == nil {
				t.Fatalf("%s: it was taken", name)
			}
			if _, err := s.s.Get(t.Context(), good.Message.ID); err == nil {
				t.Fatalf("%s: the good one was stored", name)
			}
			if got := s.states(t, m.ID); got != "sending" {
				t.Fatalf("%s: the message is %s", name, got)
			}
		}
	}
	s.settle(t, d, relay.Delivered)
}
