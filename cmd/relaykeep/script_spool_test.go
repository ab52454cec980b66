package main

import (
	"context"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// cmdFill makes a spool with a message for each fate, and names their ids:
// fill FILE sets $DEFERRED, $DELIVERED, $HELD and $BOUNCED. Incident 1 holds
// the held one; incident 2 was closed.
func cmdFill(ts *testscript.TestScript, _ bool, args []string) {
	s, err := bolt.Open(bolt.Options{Path: ts.MkAbs(args[0]), History: 24 * time.Hour, KeepFailed: time.Hour, NoSync: true})
	ts.Check(err)
	s.UseTable("test")
	s.Open("ses", true)
	troubles(ts, s)
	for _, f := range fates(time.Now()) {
		ts.Setenv(f.name, string(fill(ts, s, f)))
	}
	ts.Check(s.Close())
}

// cmdFresh makes an empty spool: fresh FILE.
func cmdFresh(ts *testscript.TestScript, _ bool, args []string) {
	s, err := bolt.Open(bolt.Options{Path: ts.MkAbs(args[0]), NoSync: true})
	ts.Check(err)
	ts.Check(s.Close())
}

// troubles makes an open and a closed incident.
func troubles(ts *testscript.TestScript, s *bolt.Store) {
	ctx, at := context.Background(), time.Now().Add(-90*time.Minute)
	for _, i := range []relay.Incident{
		{
			Cause: "sender", Kind: relay.IncidentSender, Upstream: "ses", Detail: "ses refuses the sender <>: not \x1b[31mverified", OpenedAt: at,
			Verdict: relay.Verdict{
				Class: relay.ClassRejected, Scope: relay.ScopeSender, Action: relay.ActionHold, Stage: relay.StageMail,
				Code: 554, Enhanced: "5.7.1", Text: "not verified", Rule: "sender-refused",
			},
		},
		{Cause: "login", Kind: relay.IncidentUpstream, Upstream: "backup", Detail: "the login is refused", OpenedAt: at},
	} {
		_, _, err := s.OpenIncident(ctx, i)
		ts.Check(err)
	}
	_, err := s.CloseIncident(ctx, 2, "probe")
	ts.Check(err)
}

// fate is a message and what becomes of it in its first attempt.
type fate struct {
	name, from, subject string
	repaired            string
	to                  []string
	age                 time.Duration
	settle              func(r *relay.Recipient)
	event               relay.EventKind
}

func fates(now time.Time) []fate {
	verdict := func(class relay.Class, scope relay.Scope, action relay.Action, code int, enhanced, text, rule string) relay.Verdict {
		return relay.Verdict{Class: class, Scope: scope, Action: action, Stage: relay.StageRcpt, Code: code, Enhanced: enhanced, Text: text, Rule: rule}
	}
	return []fate{
		{
			name: "DEFERRED", from: "app@example.com", subject: "Your code", to: []string{"bob@example.net", "carol@example.org"},
			age: 3 * time.Hour, event: relay.EventDeferred,
			settle: func(r *relay.Recipient) {
				r.NextAttempt, r.Attempts = now.Add(time.Hour), 4
				r.Last = verdict(relay.ClassDeferred, relay.ScopeRecipient, relay.ActionRetry, 451, "4.7.1", "Greylisted, come back later", "greylisted")
			},
		},
		{
			name: "DELIVERED", from: "app@example.com", subject: "Hello", to: []string{"dave@example.net"},
			age: 2 * time.Hour, event: relay.EventDelivered,
			settle: func(r *relay.Recipient) {
				r.State, r.FinishedAt, r.RemoteID, r.Attempts = relay.Delivered, now, "remote-77", 1
				r.Last = verdict(relay.ClassDelivered, relay.ScopeRecipient, relay.ActionDone, 250, "2.0.0", "Ok", "success")
			},
		},
		{
			name: "HELD", repaired: "2 line ends made CRLF; Date added", from: "", subject: "red \x1b[31m \u202egnp", to: []string{"erin@example.net"},
			age: time.Hour, event: relay.EventHeld,
			settle: func(r *relay.Recipient) {
				r.State, r.HoldReason, r.Incident, r.Attempts = relay.Held, "the sender is not verified at ses", 1, 1
				r.Last = verdict(relay.ClassRejected, relay.ScopeSender, relay.ActionHold, 554, "5.7.1", "Message rejected\x1b]0;owned\a: not verified", "ses-unverified")
			},
		},
		{
			name: "BOUNCED", from: "shop@example.com", subject: "Bill", to: []string{"nobody@example.net"},
			age: time.Minute, event: relay.EventBounced,
			settle: func(r *relay.Recipient) {
				r.State, r.FinishedAt, r.Attempts = relay.Bounced, now, 1
				r.Last = verdict(relay.ClassRejected, relay.ScopeRecipient, relay.ActionBounce, 550, "5.1.1", "User unknown", "bad-recipient")
			},
		},
	}
}

func fill(ts *testscript.TestScript, s *bolt.Store, f fate) relay.ID {
	ctx, received := context.Background(), time.Now().Add(-f.age)
	m := relay.Message{
		ID: spool.NewID(), MessageID: "<" + strings.ToLower(f.name) + "@example.com>", Subject: f.subject, From: f.from,
		ReceivedAt: received, Listener: "local", Client: "127.0.0.1", Repaired: f.repaired,
	}
	var to []relay.Recipient
	for _, a := range f.to {
		to = append(to, relay.Recipient{
			Address: a, Route: "default", Eligible: []string{"ses", "backup"},
			NextAttempt: received, ExpiresAt: received.Add(5 * 24 * time.Hour),
		})
	}
	body := "Subject: " + f.name + "\r\nX-Test: yes\r\n\r\nThe text of " + f.name + ".\r\n"
	ts.Check(s.Accept(ctx, &spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader(body)}))
	due, _, err := s.Claim(ctx, "ses", spool.Limit{Messages: 1, Recipients: 10})
	ts.Check(err)
	if len(due) != 1 {
		ts.Fatalf("%d deliveries are due", len(due))
	}
	outcome, at := spool.Settlement{}, time.Now()
	for _, r := range due[0].Recipients {
		r.Upstream, r.LastAt = "ses", at
		f.settle(&r)
		outcome.Recipients = append(outcome.Recipients, r)
		outcome.Events = append(outcome.Events, relay.Event{
			Kind: f.event, At: at, Message: m.ID, From: m.From, To: r.Address, Upstream: "ses",
			Attempt: 1, Verdict: r.Last, NextAttempt: r.NextAttempt, Duration: 1500 * time.Millisecond, Total: f.age,
		})
	}
	ts.Check(s.Settle(ctx, &due[0], outcome))
	return m.ID
}

// cmdForeign answers on a socket as another program would: foreign FILE.
func cmdForeign(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	ts.Defer(func() { s.Close(); <-done })
}

// cmdSetID sets a variable to the id in the output before: setid NAME.
func cmdSetID(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(`queued as (\S+)`).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no id in the output")
	}
	ts.Setenv(args[0], m[1])
}
