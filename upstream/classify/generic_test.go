package classify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream"
)

func newClassifier(t testing.TB, own ...Pack) *Classifier {
	t.Helper()
	c, err := New(own...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// errorOf gives a real error of each kind.
func errorOf(t testing.TB, kind string) error {
	t.Helper()
	dial := func(err error) error {
		return fmt.Errorf("dial 192.0.2.1:587: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)})
	}
	err, ok := map[string]error{
		"timeout":       &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded},
		"refused":       dial(syscall.ECONNREFUSED),
		"unreachable":   dial(syscall.EHOSTUNREACH),
		"dns-temporary": &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: "mx.example.com", IsTemporary: true}},
		"dns-nxdomain":  &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "mx.example.com", IsNotFound: true}},
		"tls":           fmt.Errorf("handshake: %w", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "mx.example.com"}),
		"closed":        fmt.Errorf("read reply: %w", io.ErrUnexpectedEOF),
		"protocol":      textproto.ProtocolError("short response: x"),
		"login":         upstream.ErrLoginRefused,
		"interrupted":   fmt.Errorf("write body: %w", context.Canceled),
		"body-damaged":  fmt.Errorf("read body: %w", relay.ErrBodyDamaged),
		"other":         errors.New("something else"),
	}[kind]
	if !ok {
		t.Fatalf("no error of kind %q", kind)
	}
	return err
}

// parseExample reads "STAGE CODE [ENHANCED] TEXT" or "STAGE !ERROR"; the stage
// dot is the body after the final dot.
func parseExample(t testing.TB, s string) upstream.Answer {
	t.Helper()
	word, rest, _ := strings.Cut(s, " ")
	var a upstream.Answer
	switch word {
	case "none":
	case "dot":
		a.Stage, a.DotSent = relay.StageBody, true
	default:
		if err := a.Stage.UnmarshalText([]byte(word)); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	}
	if kind, ok := strings.CutPrefix(rest, "!"); ok {
		a.Err = errorOf(t, kind)
		return a
	}
	code, err := strconv.Atoi(rest[:min(3, len(rest))])
	if err != nil || len(rest) < 4 {
		t.Fatalf("%q: no code", s)
	}
	a.Code, a.Text = code, rest[4:]
	if word, text, _ := strings.Cut(a.Text, " "); strings.Count(word, ".") == 2 {
		if _, ok := parseEnhanced(word); ok {
			a.Enhanced, a.Text = word, text
		}
	}
	return a
}

// TestExamples holds each rule to its own examples, under each provider that
// its pack is for: no earlier rule takes them.
func TestExamples(t *testing.T) {
	packs, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	c := newClassifier(t)
	for _, p := range packs {
		providers := p.Providers
		if p.Name == "generic" {
			providers = []string{"generic", "", "unheard-of"}
		} else if !slices.Equal(providers, []string{p.Name}) || p.Version < 1 {
			t.Errorf("pack %s is for %v, in version %d", p.Name, providers, p.Version)
		}
		for _, r := range p.Rules {
			if len(r.Examples) == 0 || r.Meaning == "" || r.Source == "" {
				t.Errorf("%s: rule %q lacks a meaning, a source or examples", r.Position, r.Name)
			}
			if p.Name != "generic" && !strings.HasPrefix(r.Name, p.Name+"-") {
				t.Errorf("%s: rule %q does not start with its pack's name", r.Position, r.Name)
			}
			for _, provider := range providers {
				for _, example := range r.Examples {
					a := parseExample(t, example)
					a.Provider = provider
					if v := c.Classify(a); v.Rule != r.Name {
						t.Errorf("%s: rule %q: %q is taken by %q", r.Position, r.Name, example, v.Rule)
					}
				}
			}
		}
	}
}
