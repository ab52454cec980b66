package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// listed runs a command that prints an object per line.
func listed(t *testing.T, n *node, args ...string) []map[string]any {
	t.Helper()
	r := n.run(append(args, "--json")...)
	if r.status != 0 {
		t.Fatalf("%v: status %d: %s", args, r.status, r.err)
	}
	var all []map[string]any
	for l := range strings.Lines(r.out) {
		var one map[string]any
		if err := json.Unmarshal([]byte(l), &one); err != nil {
			t.Fatalf("%v: %v: %s", args, err, l)
		}
		all = append(all, one)
	}
	return all
}

// TestOneIncidentForARefusedLogin refuses the login of the only upstream: many
// messages make one incident and no bounce; it outlives a restart, and a probe
// that works ends it and sends all.
func TestOneIncidentForARefusedLogin(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{Users: map[string]string{"relay": "right"}, AuthInClear: true})
	out.On(upstreamtest.Auth, upstreamtest.Always(upstreamtest.Reply("535 5.7.8 Credentials invalid")))
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), "auth {\n username = \"relay\"\n password = \"right\"\n }"))
	p := n.start()
	const messages = 5
	for range messages {
		p.post(letter())
	}
	if _, ok := p.log.wait(patience(t), func(l line) bool { return l.text("event") == "incident_opened" }); !ok {
		t.Fatal("no incident was opened")
	}
	p.stop()
	p = n.start()
	open := listed(t, n, "incident", "list")
	if len(open) != 1 || open[0]["kind"] != "upstream" || open[0]["upstream"] != "out" {
		t.Fatalf("incidents: %v", open)
	}
	if up := listed(t, n, "upstream", "list"); len(up) != 1 || up[0]["state"] != "disabled" {
		t.Errorf("upstreams: %v", up)
	}
	if r := n.run("upstream", "probe", "out"); r.status != 1 || !strings.Contains(r.out+r.err, "535") {
		t.Errorf("a probe that fails: status %d, %s%s", r.status, r.out, r.err)
	}
	out.On(upstreamtest.Auth, nil)
	if r := n.run("upstream", "probe", "out"); r.status != 0 {
		t.Errorf("a probe that works: status %d, %s%s", r.status, r.out, r.err)
	}
	if _, err := out.WaitMessages(patience(t), messages); err != nil {
		t.Fatal(err)
	}
	if left := listed(t, n, "incident", "list"); len(left) != 0 {
		t.Errorf("incidents that are left: %v", left)
	}
	if b := p.log.all(func(l line) bool { return l.text("event") == "bounced" }); len(b) != 0 {
		t.Errorf("bounced: %v", b)
	}
	p.stop()
}

// TestPaceOutlivesARestart: an upstream that wanted to be asked less is asked
// as little by the next process.
func TestPaceOutlivesARestart(t *testing.T) {
	t.Parallel()
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Dot, upstreamtest.Always(upstreamtest.Reply("454 Throttling failure: Maximum sending rate exceeded.")))
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), `
  provider = "ses"
  max_connections = 8
  rate = "20/s"`))
	p := n.start()
	id := p.post(letter())
	if _, ok := p.log.event(patience(t), "deferred", string(id)); !ok {
		t.Fatal("the message was not deferred")
	}
	p.stop()
	p = n.start()
	up := listed(t, n, "upstream", "list")
	if len(up) != 1 || up[0]["state"] != "slow" || up[0]["connections"] != 4.0 || up[0]["rate"] != "10/s" {
		t.Errorf("after a restart: %v", up)
	}
	out.On(upstreamtest.Dot, nil)
	if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
		t.Error("the message was not delivered")
	}
	p.stop()
}

// TestSenderIsHeld refuses one sender for good: its mail is held by one
// incident, other senders are not touched, and resolving releases it.
func TestSenderIsHeld(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Mail, func(s upstreamtest.Step) upstreamtest.Act {
		if strings.HasPrefix(s.Address, "bad@") {
			return upstreamtest.Reply("550 5.7.60 SMTP; Client does not have permissions to send as this sender")
		}
		return upstreamtest.Act{}
	})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), `provider = "microsoft365"`))
	p := n.start()
	bad := letter()
	bad.from = "bad@example.org"
	for range 3 {
		id := p.post(bad)
		if _, ok := p.log.wait(patience(t), func(l line) bool { return l.is("held", string(id)) }); !ok {
			t.Fatal("it is not held")
		}
	}
	p.post(letter())
	if _, err := out.WaitMessages(patience(t), 1); err != nil {
		t.Fatal(err)
	}
	open := listed(t, n, "incident", "list")
	if len(open) != 1 || open[0]["kind"] != "sender" || open[0]["held"] != float64(3) {
		t.Fatalf("incidents: %v", open)
	}
	out.On(upstreamtest.Mail, nil)
	if r := n.run("incident", "resolve", fmt.Sprint(open[0]["id"]), "--yes"); r.status != 0 || !strings.Contains(r.out, "3") {
		t.Errorf("resolve: status %d, %s%s", r.status, r.out, r.err)
	}
	if _, err := out.WaitMessages(patience(t), 4); err != nil {
		t.Fatal(err)
	}
	p.stop()
}

// TestPauseOutlivesARestart pauses an upstream by hand.
func TestPauseOutlivesARestart(t *testing.T) {
	first, second := startProvider(t, upstreamtest.Options{}), startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("first", first.Addr(), ""), upstreamBlock("second", second.Addr(), ""))
	p := n.start()
	if r := n.run("upstream", "pause", "first"); r.status != 0 {
		t.Fatalf("pause: %s%s", r.out, r.err)
	}
	checkOutcome(t, p, p.post(letter()), outcome{event: "delivered", at: "second"})
	p.stop()
	p = n.start()
	checkOutcome(t, p, p.post(letter()), outcome{event: "delivered", at: "second"})
	if r := n.run("upstream", "resume", "first"); r.status != 0 {
		t.Fatalf("resume: %s%s", r.out, r.err)
	}
	checkOutcome(t, p, p.post(letter()), outcome{event: "delivered", at: "first"})
	if ops := p.log.all(func(l line) bool { return l.text("event") == "operator" }); len(ops) != 1 {
		t.Errorf("%d operator events since the restart, want one", len(ops))
	}
	p.stop()
}

// TestQuotaIsParked uses the only upstream's quota up: the rest waits in line,
// by one incident and without an attempt.
func TestQuotaIsParked(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), `quota = "3/24h"`))
	p := n.start()
	for range 8 {
		p.post(letter())
	}
	if _, err := out.WaitMessages(patience(t), 3); err != nil {
		t.Fatal(err)
	}
	if _, ok := p.log.wait(patience(t), func(l line) bool { return l.text("event") == "incident_opened" }); !ok {
		t.Fatal("no incident was opened")
	}
	p.stop()
	p = n.start()
	p.post(letter())
	if open := listed(t, n, "incident", "list"); len(open) != 1 || open[0]["kind"] != "quota" {
		t.Errorf("incidents: %v", open)
	}
	if queued := listed(t, n, "spool", "list"); len(queued) != 6 {
		t.Errorf("%d messages wait, want 6", len(queued))
	}
	p.stop()
	if sent := len(out.Messages()); sent != 3 {
		t.Errorf("%d were sent, and the quota is 3", sent)
	}
}
