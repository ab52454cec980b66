package smtp

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

func TestProbe(t *testing.T) {
	c := newCerts(t)
	s := provider(t, upstreamtest.Options{Certificate: c.good, Users: users(), MaxSize: 1000})
	tr := transport(t, s, func(o *Options) {
		o.TLS, o.RootCAs, o.Auth = STARTTLS, c.ca.Pool(), login("plain")
		o.Address, o.ServerName = "mx.test:"+port(s), "localhost"
		o.Resolver = &hosts{addrs: addrs("127.0.0.1")}
	})
	var names, details []string
	v := tr.ProbeSteps(t.Context(), func(s Step) {
		names = append(names, s.Name)
		details = append(details, s.Detail)
		if !s.OK() {
			t.Errorf("step %+v", s)
		}
	})
	wantClass(t, v, relay.ClassDelivered, relay.StageAuth, 235)
	if got := fmt.Sprint(names); got != "[dns tcp greeting ehlo tls ehlo auth]" {
		t.Errorf("steps %s", got)
	}
	all := strings.Join(details, "\n")
	for _, want := range []string{"mx.test is 127.0.0.1", "connected to 127.0.0.1:", "ESMTP", "STARTTLS", "TLS 1.3", "CN=localhost",
		"89 days left", ", verified", "SIZE 1000", "AUTH PLAIN LOGIN", "logged in by PLAIN as u@x.test"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not told in\n%s", want, all)
		}
	}
	wantNoSecret(t, all, password)
	if err := s.WaitStage(within(t), upstreamtest.Quit, 1); err != nil {
		t.Error(err)
	}
	wantClass(t, tr.Probe(t.Context()), relay.ClassDelivered, relay.StageAuth, 235)
	wantMessages(t, s)
}

func TestProbeThatFails(t *testing.T) {
	c := newCerts(t)
	for name, tc := range map[string]struct {
		o     upstreamtest.Options
		stage relay.Stage
		step  string
		told  string
	}{
		"certificate": {upstreamtest.Options{Certificate: c.expired, Users: users()}, relay.StageTLS, "tls", "(expired)"},
		"no STARTTLS": {upstreamtest.Options{Users: users()}, relay.StageTLS, "tls", "does not offer STARTTLS"},
		"password":    {upstreamtest.Options{Certificate: c.good, Users: map[string]string{}}, relay.StageAuth, "auth", "credentials invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, tc.o)
			tr := transport(t, s, func(o *Options) {
				o.TLS, o.RootCAs, o.Auth = STARTTLS, c.ca.Pool(), login("plain")
			})
			var last Step
			v := tr.ProbeSteps(t.Context(), func(s Step) { last = s })
			if v.Class == relay.ClassDelivered || v.Stage != tc.stage || last.Name != tc.step || last.OK() || last.Verdict != v {
				t.Errorf("verdict %+v, last step %+v", v, last)
			}
			if !strings.Contains(last.Detail, tc.told) {
				t.Errorf("%q is not told in %q", tc.told, last.Detail)
			}
		})
	}
}

func TestProbeIsInterrupted(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	s.On(upstreamtest.Hello, upstreamtest.Always(upstreamtest.Stall()))
	tr := transport(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		_ = s.WaitStage(within(t), upstreamtest.Hello, 1)
	}()
	if v := tr.Probe(ctx); v.Rule != "interrupted" {
		t.Errorf("verdict is %+v", v)
	}
}
