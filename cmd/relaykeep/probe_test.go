package main

import (
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/smtp"
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
