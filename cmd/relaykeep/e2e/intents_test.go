package e2e

import (
	"strings"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// wanted runs a command on a message that is being sent.
func wanted(t *testing.T, n *node, action, id string, more ...string) {
	t.Helper()
	r := n.run(append([]string{"spool", action, id, "--yes"}, more...)...)
	if r.status != 0 || !strings.Contains(r.out, "1 recipient is being sent at this moment: applied when the attempt ends") {
		t.Fatalf("%s: status %d: %s%s", action, r.status, r.out, r.err)
	}
}

// event waits for one of this kind.
func (p *process) event(kind, detail string) {
	p.t.Helper()
	_, ok := p.log.wait(patience(p.t), func(l line) bool {
		return l.text("event") == kind && strings.Contains(l.text("detail"), detail)
	})
	if !ok {
		p.t.Fatalf("no event %s: %s", kind, detail)
	}
}

// TestIntents acts on mail at whose final dot the provider stalls: what is
// deferred then is held or goes elsewhere, what is delivered stays delivered.
func TestIntents(t *testing.T) {
	for _, tt := range []struct {
		name, action string
		more         []string
		says         string
		kind, detail string
		state        string
	}{
		{"held", "hold", nil, "451 4.3.0 Later", "held", "held by ", "held"},
		{"deleted", "delete", nil, "451 4.3.0 Later", "deleted", "deleted by ", "deleted"},
		{"bounced", "bounce", nil, "451 4.3.0 Later", "bounced", "bounced by ", "bounced"},
		{"redirected", "redirect", []string{"--to", "qa@example.com"}, "451 4.3.0 Later", "redirected", "sent to qa@example.com instead", "delivered"},
		{"too late", "delete", nil, "250 2.0.0 Ok", "operator", "came too late: it is delivered", "delivered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := startProvider(t, upstreamtest.Options{})
			out.On(upstreamtest.Dot, upstreamtest.Times(1, upstreamtest.Reply(tt.says).Stalled()))
			n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
			p := n.start()
			id := string(p.post(letter()))
			if err := out.WaitStage(patience(t), upstreamtest.Dot, 1); err != nil {
				t.Fatal(err)
			}
			wanted(t, n, tt.action, id, tt.more...)
			out.Release()
			p.event(tt.kind, tt.detail)
			if tt.action == "redirect" {
				p.event("delivered", "")
			}
			p.stop()
			for _, e := range n.entries() {
				if r := e.Recipients[0]; string(e.Message.ID) == id && r.State.String() != tt.state {
					t.Errorf("it is %s", r.State)
				}
			}
		})
	}
}

// TestIntentOutlivesACrash kills the daemon while an attempt is under way, after
// its mark and before it: the next process does what was wanted, and sends
// nothing but the notice of the bounce.
func TestIntentOutlivesACrash(t *testing.T) {
	for _, stage := range []upstreamtest.Stage{upstreamtest.Rcpt, upstreamtest.Dot} {
		out := newProvider(t, "out")
		out.misbehave = func(s *upstreamtest.Server) { s.On(stage, upstreamtest.Always(upstreamtest.Drop().Stalled())) }
		n := newNode(t, settings{}, upstreamBlock("out", out.addr, ""))
		out.open()
		p := n.start()
		m := letter()
		id := string(p.post(m))
		if err := out.server.WaitStage(patience(t), stage, 1); err != nil {
			t.Fatal(err)
		}
		wanted(t, n, "bounce", id)
		p.kill()
		out.server.Close()
		out.misbehave = nil
		out.open()
		p = n.start()
		p.event("bounced", "bounced by ")
		got, err := out.server.WaitMessages(patience(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].From != "" || got[0].To[0].Address != m.from {
			t.Errorf("sent from <%s> to %v", got[0].From, got[0].To)
		}
		p.stop()
		if out.server.Close(); len(out.server.Messages()) != 1 {
			t.Errorf("%d messages were sent", len(out.server.Messages()))
		}
		out.server = nil
	}
}
