package main

import (
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/upstream/smtp"
	"relaykeep/upstream/upstreamtest"
)

// Each stage that a probe reaches has advice of its own.
func TestHint(t *testing.T) {
	o := smtp.Options{Address: "smtp.example.com:587", Hello: "relay.example.com"}
	seen := make(map[string]relay.Stage)
	for stage, want := range map[relay.Stage]string{
		relay.StageDial:     "port 587",
		relay.StageTLS:      "tls_ca_file",
		relay.StageGreeting: "refuses the address of this machine",
		relay.StageHello:    "relay.example.com",
		relay.StageAuth:     "password",
	} {
		got := hint(relay.Verdict{Stage: stage}, o)
		if !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", stage, got, want)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%v and %v get the same advice", stage, other)
		}
		seen[got] = stage
	}
}

// A refresh token is left to the daemon.
func TestProbeLeavesRefreshTokensAlone(t *testing.T) {
	s, err := upstreamtest.Start(upstreamtest.Options{Token: func(string, string) bool { return true }, AuthInClear: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	results, err := probeAll(t.Context(), []config.Upstream{{Options: smtp.Options{
		Name: "m365", Address: s.Addr(), TLS: smtp.NoTLS,
		Auth: &smtp.Auth{Mechanism: "xoauth2", Username: "u", TokenURL: "http://127.0.0.1:1", RefreshToken: relay.NewSecret("r")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if !results[0].ok() || s.Reached(upstreamtest.Auth) != 0 {
		t.Errorf("%+v, %d logins", results[0].verdict, s.Reached(upstreamtest.Auth))
	}
	var out strings.Builder
	if err := results[0].print(&out, 0); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "the login was not tried") || results[0].json().NoLogin == "" {
		t.Errorf("nobody is told:\n%s", out.String())
	}
}
