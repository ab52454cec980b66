package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// cmdOperated serves an admin socket over lanes that are in every state, with
// an incident that holds three recipients: operated FILE.
func cmdOperated(ts *testscript.TestScript, _ bool, args []string) {
	store := spooltest.NewMemory()
	control := &fakeLanes{Memory: store, paused: make(map[string]string)}
	ts.Check(control.hold())
	server, err := admin.New(admin.Options{Socket: ts.MkAbs(args[0]), Mode: 0o600, Store: store, Control: control})
	ts.Check(err)
	server.Start()
	ts.Defer(func() { ts.Check(errors.Join(server.Stop(context.Background()), store.Close())) })
}

// fakeLanes is an admin.Control without lanes behind it.
type fakeLanes struct {
	*spooltest.Memory
	mu     sync.Mutex
	paused map[string]string // by whom
}

var failedLogin = relay.Verdict{
	Class: relay.ClassRejected, Scope: relay.ScopeUpstream, Action: relay.ActionDisable, Stage: relay.StageAuth,
	Code: 535, Enhanced: "5.7.8", Text: "no such user", Rule: "login-refused",
}

// hold opens incident 1 and has it hold three recipients.
func (l *fakeLanes) hold() error {
	ctx, now := context.Background(), time.Now()
	i, _, err := l.OpenIncident(ctx, relay.Incident{
		Cause: "login", Kind: relay.IncidentUpstream, Upstream: "old", OpenedAt: now.Add(-time.Hour),
		Detail: "old is not used until a probe works", Verdict: failedLogin,
	})
	if err != nil {
		return err
	}
	m := relay.Message{ID: spool.NewID(), From: "app@example.com", ReceivedAt: now}
	var to []relay.Recipient
	for _, address := range []string{"a@example.net", "b@example.net", "c@example.net"} {
		to = append(to, relay.Recipient{
			Address: address, State: relay.Held, HoldReason: i.Detail, Incident: i.Number,
			Route: "default", Eligible: []string{"old"}, ExpiresAt: now.Add(time.Hour),
		})
	}
	return l.Accept(ctx, &spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader("Subject: held\r\n\r\n")})
}

func (l *fakeLanes) Upstreams() []admin.Upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	left, v := int64(120), admin.FromVerdict(failedLogin)
	all := []admin.Upstream{
		{Name: "ses", State: admin.UpstreamUp, Breaker: "closed", InFlight: 2, Connections: 10, Rate: "14/s", QuotaRemaining: &left},
		{Name: "old", State: admin.UpstreamDisabled, Breaker: "open", Connections: 3, Incident: 1, Reason: "535 5.7.8 no such user", Last: &v},
	}
	for i := range all {
		if by := l.paused[all[i].Name]; by != "" {
			all[i].State, all[i].PausedBy = admin.UpstreamPaused, by
		}
	}
	return all
}

func (l *fakeLanes) Pause(_ context.Context, name, by string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused[name] = by
	return nil
}

func (l *fakeLanes) Resume(_ context.Context, name, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.paused, name)
	return nil
}

func (l *fakeLanes) Probe(_ context.Context, name string) (relay.Verdict, error) {
	if name == "old" {
		return failedLogin, nil
	}
	return relay.Verdict{Class: relay.ClassDelivered, Stage: relay.StageAuth}, nil
}

func (l *fakeLanes) Resolve(ctx context.Context, number int64, by string) (relay.Incident, int, error) {
	i, err := l.CloseIncident(ctx, number, by)
	if err != nil {
		return i, 0, err
	}
	n, err := l.ReleaseIncident(ctx, number, func(_ relay.Message, r relay.Recipient) relay.Recipient {
		r.State, r.Incident = relay.Queued, 0
		return r
	})
	return i, n, err
}
