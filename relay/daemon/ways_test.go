package daemon_test

import (
	"fmt"
	"net/smtp"
	"testing"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/relay/daemon"
	"relaykeep/upstream/upstreamtest"
)

// configured gives the options for a place with more in its configuration.
func configured(t *testing.T, p place, more string) daemon.Options {
	t.Helper()
	c, err := config.Parse("config.hcl", fmt.Appendf(nil, `
hostname = "relay.test"
listener "local" {
  address = %q
}
spool {
  path  = %q
  fsync = false
}
admin { socket = %q }
%s`, p.address, p.spool, p.socket, more), config.LoadOptions{Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	return daemon.Options{Config: c, Version: "test"}
}

// A rule of the configuration comes before the built-in ones: a 550 that would
// bounce is waited for.
func TestOwnRulesComeFirst(t *testing.T) {
	checkGoroutines(t)
	out := provider(t)
	out.On(upstreamtest.Rcpt, upstreamtest.Always(upstreamtest.Reply("550 5.1.1 Come again when the moon is full")))
	p := newPlace(t, out.Addr())
	o := configured(t, p, fmt.Sprintf(`
upstream "out" {
  address  = %q
  tls      = "none"
  provider = "postmark"
}
classify "moon" {
  providers = ["postmark"]
  rule {
    code   = "550"
    text   = "MOON is full"
    action = "retry"
    delay  = "3h"
  }
}
`, p.upstream))
	seen := make(watch, 100)
	o.Watch = seen
	d := start(t, o)
	send(t, d)
	for e := range seen {
		if e.Kind == relay.EventBounced {
			t.Error("it bounced")
			break
		}
		if e.Kind == relay.EventDeferred {
			if e.Verdict.Rule != "moon/1" {
				t.Errorf("the rule is %q", e.Verdict.Rule)
			}
			break
		}
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A balanced route gives each upstream its share, and all recipients of a
// message to the same one.
func TestBalancedRoute(t *testing.T) {
	checkGoroutines(t)
	const messages = 40
	first, second := provider(t), provider(t)
	p := newPlace(t, first.Addr())
	o := configured(t, p, fmt.Sprintf(`
upstream "first" {
  address = %q
  tls     = "none"
}
upstream "second" {
  address = %q
  tls     = "none"
}
upstream "spare" {
  address = "127.0.0.1:1"
  tls     = "none"
}
route "shared" {
  strategy = "balance"
  weights  = { spare = 0 }
}
`, first.Addr(), second.Addr()))
	seen := make(watch, 20*messages)
	o.Watch = seen
	d := start(t, o)
	waitServing(t, d)
	for range messages {
		err := smtp.SendMail(d.Addrs()["local"][0].String(), nil, "a@example.org", []string{"b@example.com", "c@example.net"},
			[]byte("Subject: hello\r\n\r\nHello.\r\n"))
		if err != nil {
			t.Fatal(err)
		}
	}
	by, share := make(map[relay.ID]string), make(map[string]int)
	for delivered := 0; delivered < 2*messages; {
		e := <-seen
		if e.Kind != relay.EventDelivered {
			continue
		}
		delivered++
		share[e.Upstream]++
		if other, ok := by[e.Message]; ok && other != e.Upstream {
			t.Errorf("message %s went to %s and %s", e.Message, other, e.Upstream)
		}
		by[e.Message] = e.Upstream
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	// The ids are random: five standard deviations are allowed.
	if n := share["first"]; share["spare"] != 0 || n < messages-2*16 || n > messages+2*16 {
		t.Errorf("shares %v of %d recipients", share, 2*messages)
	}
}

// A quota of the configuration is kept to, over a restart, too: what is beyond
// it goes to the next upstream of the route.
func TestQuotaIsKept(t *testing.T) {
	checkGoroutines(t)
	first, second := provider(t), provider(t)
	p := newPlace(t, first.Addr())
	more := fmt.Sprintf(`
upstream "first" {
  address = %q
  tls     = "none"
  quota   = "3/24h"
}
upstream "second" {
  address = %q
  tls     = "none"
}
`, first.Addr(), second.Addr())
	share := make(map[string]int)
	for range 2 {
		o := configured(t, p, more)
		seen := make(watch, 200)
		o.Watch = seen
		d := start(t, o)
		waitServing(t, d)
		for range 4 {
			send(t, d)
		}
		for delivered := 0; delivered < 4; {
			if e := <-seen; e.Kind == relay.EventDelivered {
				delivered++
				share[e.Upstream]++
			}
		}
		if err := d.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if share["first"] != 3 || share["second"] != 5 {
		t.Errorf("shares %v, want 3 and 5", share)
	}
}

// Where the upstream that a message drew is down, the next that it drew is
// asked at once, whatever the order of the list.
func TestBalanceFailsOverInDrawnOrder(t *testing.T) {
	checkGoroutines(t)
	out := provider(t)
	p := newPlace(t, out.Addr())
	o := configured(t, p, fmt.Sprintf(`
upstream "last" {
  address = %q
  tls     = "none"
}
upstream "first" {
  address = "127.0.0.1:1"
  tls     = "none"
}
route "r" {
  strategy = "balance"
  weights  = { last = 0 }
}
`, out.Addr()))
	seen := make(watch, 100)
	o.Watch = seen
	d := start(t, o)
	waitServing(t, d)
	send(t, d)
	for e := range seen {
		if e.Kind == relay.EventDeferred {
			t.Errorf("it waits until %v", e.NextAttempt)
			break
		}
		if e.Kind == relay.EventDelivered {
			break
		}
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
