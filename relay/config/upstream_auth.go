package config

import (
	"strings"

	"relaykeep/upstream/smtp"
)

// readUpstreamAuth reads the block auth of an upstream.
func readUpstreamAuth(s *section) *smtp.Auth {
	a := &smtp.Auth{
		Mechanism:    s.choice("mechanism", "plain", "plain", "login", "xoauth2"),
		Username:     needed(s, "username", `env("SMTP_USER")`, nonEmpty),
		Password:     s.secret("password"),
		TokenURL:     read(s, "token_url", "", optional(webURL)),
		ClientID:     s.text("client_id", ""),
		ClientSecret: s.secret("client_secret"),
		Scopes:       readList(s, "scopes", nil, nonEmpty),
		RefreshToken: s.secret("refresh_token"),
	}
	if s.entry("mechanism").state != wrong {
		checkMechanism(s, a.Mechanism)
	}
	s.end()
	return a
}

// checkMechanism looks whether what the mechanism needs is there, and nothing
// that it does not use.
func checkMechanism(s *section, mechanism string) {
	token := []string{"token_url", "client_id", "client_secret", "refresh_token", "scopes"}
	if mechanism != "xoauth2" {
		needFilled(s, "password", `env("SMTP_PASSWORD")`)
		refuseFilled(s, `mechanism = "xoauth2"`, token...)
		return
	}
	needFilled(s, "token_url", `"https://login.example.com/token"`)
	needFilled(s, "client_id", `env("CLIENT_ID")`)
	refuseFilled(s, `mechanism = "plain" or "login"`, "password")
	if !s.filled("client_secret") && !s.filled("refresh_token") {
		s.errorAt(s.header, "%s: xoauth2 wants a client_secret, a refresh_token, or both", strings.TrimSpace(s.title))
	}
}

// needFilled refuses a key that is missing or empty. A faulty one was told.
func needFilled(s *section, key, example string) {
	switch {
	case !s.has(key):
		s.errorAt(s.header, "%s%s is missing; write %s = %s", s.prefix(), key, key, example)
	case s.entry(key).state == ready && !s.filled(key):
		s.fault(key, "is empty")
	}
}

// refuseFilled refuses keys that have an effect under a condition only.
func refuseFilled(s *section, condition string, keys ...string) {
	for _, key := range keys {
		if s.filled(key) {
			s.fault(key, "has an effect with %s only; take it out", condition)
		}
	}
}
