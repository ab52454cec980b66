package operate

import (
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

func TestCarryOut(t *testing.T) {
	now := time.Unix(100, 0)
	for _, tt := range []struct {
		name  string
		a     Action
		r     relay.Recipient
		state relay.State
		told  string
	}{
		{"hold deferred", Hold, relay.Recipient{State: relay.Queued}, relay.Held, "held by root"},
		{"hold bounced", Hold, relay.Recipient{State: relay.Bounced, FinishedAt: now}, relay.Held, "held by root"},
		{"hold what is held for doubt", Hold, relay.Recipient{State: relay.Held, HoldReason: "x", Incident: 3}, relay.Held, "held by root"},
		{"hold what was told", Hold, relay.Recipient{State: relay.Bounced, Reported: true}, relay.Bounced, "hold wanted by root came too late: it is bounced"},
		{"delete deferred", Delete, relay.Recipient{State: relay.Queued}, relay.Deleted, "deleted by root"},
		{"delete delivered", Delete, relay.Recipient{State: relay.Delivered}, relay.Delivered, "delete wanted by root came too late: it is delivered"},
		{"bounce expired", Bounce, relay.Recipient{State: relay.Expired, FinishedAt: now}, relay.Expired, ""},
		{"bounce deferred", Bounce, relay.Recipient{State: relay.Queued}, relay.Bounced, "bounced by root"},
		{"redirect bounced", Redirect, relay.Recipient{State: relay.Bounced}, relay.Queued, "sent to qa@example.com instead by root"},
		{"redirect delivered", Redirect, relay.Recipient{State: relay.Delivered}, relay.Delivered, "redirect wanted by root came too late: it is delivered"},
	} {
		tt.r.Address = "a@example.com"
		in := spool.Intent{Action: string(tt.a), By: "root"}
		if tt.a == Redirect {
			in.Instead = &relay.Recipient{Address: "qa@example.com", Eligible: []string{"a"}}
		}
		to := []relay.Recipient{tt.r}
		told := CarryOut(relay.Message{ID: "m"}, to, []spool.Intent{in}, now)
		got := ""
		for _, e := range told {
			got += e.Detail
		}
		if to[0].State != tt.state || got != tt.told || to[0].Incident != 0 {
			t.Errorf("%s: %+v, told %q", tt.name, to[0], got)
		}
		if to[0].State == relay.Queued && !to[0].NextAttempt.Equal(now) || to[0].State == relay.Held && !to[0].FinishedAt.IsZero() {
			t.Errorf("%s: %+v", tt.name, to[0])
		}
	}
}

// What is being sent is not touched, and what is wanted of it is told, kept,
// and withdrawn by a release.
func TestIntents(t *testing.T) {
	s := spooltest.NewMemory()
	s.Open("a", true)
	to := spooltest.Recipients("a", "1@example.com", "2@example.com")
	to[1].NextAttempt = to[0].NextAttempt
	m := spooltest.Accept(t, s, "x", to...)
	due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 2})
	if err != nil || len(due) != 1 {
		t.Fatalf("%v %v", due, err)
	}
	var told []string
	o := Operator{
		Spool: s, Emit: func(e relay.Event) { told = append(told, e.Detail) },
		Route: func(relay.Message, relay.Recipient, time.Time) (relay.Assignment, bool) {
			return relay.Assignment{Upstreams: []string{"b"}}, true
		},
	}
	for _, w := range []Wish{
		{Action: Hold, By: "root"}, {Action: Release, By: "root"}, {Action: Release, By: "root"},
		{Action: Delete, By: "jo"}, {Action: Redirect, To: "qa@example.com", By: "root"},
	} {
		if done, err := o.Act(t.Context(), w, spool.Filter{}); err != nil || done != (Done{Sending: 2}) {
			t.Errorf("%s: %+v %v", w.Action, done, err)
		}
	}
	if len(told) != 8 || told[0] != "hold wanted by root while it is being sent: done when the attempt ends" || told[2] != "what was wanted of it is withdrawn by root" {
		t.Errorf("%q", told)
	}
	out := spool.Settlement{Recipients: due[0].Recipients, Intend: func(to []relay.Recipient, wanted []spool.Intent) []relay.Event {
		return CarryOut(m, to, wanted, time.Now())
	}}
	if err := s.Settle(t.Context(), &due[0], out); err != nil {
		t.Fatal(err)
	}
	e, err := s.Get(t.Context(), m.ID)
	if err != nil || e.Recipients[0].Address != "qa@example.com" || e.Recipients[0].OriginalRecipient != "rfc822;1@example.com" ||
		e.Recipients[0].State != relay.Queued || e.Recipients[1].State != relay.Deleted {
		t.Errorf("%+v %v", e.Recipients, err)
	}
	if last := e.Events[len(e.Events)-1]; !strings.HasSuffix(last.Detail, relay.MergedDetail) {
		t.Errorf("%+v", last)
	}
}
