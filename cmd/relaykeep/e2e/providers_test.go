package e2e

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// outcome is what becomes of a message whose first attempt at the first of two
// upstreams fails.
type outcome struct {
	event string // the last one
	at    string // the upstream of it
	doubt bool   // an in_doubt event comes before
}

var (
	failsOver = outcome{event: "delivered", at: "second"}
	waits     = outcome{event: "delivered", at: "first"} // for another try at the same
	bounces   = outcome{event: "bounced", at: "first"}
	doubtful  = outcome{event: "delivered", at: "first", doubt: true}
	// kept: it waits for longer than a test does, or goes to the second.
	kept = outcome{event: "deferred", at: "first"}
)

// TestProviderFaults lets the first of two upstreams fail once in all the ways
// that providers do.
func TestProviderFaults(t *testing.T) {
	reply, drop := upstreamtest.Reply, upstreamtest.Drop()
	tests := []struct {
		name  string
		stage upstreamtest.Stage
		act   upstreamtest.Act
		want  outcome
	}{
		{"silent after accept", upstreamtest.Greeting, upstreamtest.Stall(), failsOver},
		{"silent after EHLO", upstreamtest.Hello, upstreamtest.Stall(), failsOver},
		{"silent after MAIL", upstreamtest.Mail, upstreamtest.Stall(), failsOver},
		{"silent after the dot", upstreamtest.Dot, upstreamtest.Stall(), doubtful},

		{"421 greeting", upstreamtest.Greeting, reply("421 4.3.2 Not now").ThenDrop(), kept},
		{"421 EHLO", upstreamtest.Hello, reply("421 4.3.2 Not now").ThenDrop(), kept},
		{"421 MAIL", upstreamtest.Mail, reply("421 4.3.2 Not now").ThenDrop(), kept},
		{"421 RCPT", upstreamtest.Rcpt, reply("421 4.3.2 Not now").ThenDrop(), kept},
		{"421 DATA", upstreamtest.Data, reply("421 4.3.2 Not now").ThenDrop(), kept},
		{"421 dot", upstreamtest.Dot, reply("421 4.3.2 Not now").ThenDrop(), kept},

		{"drop greeting", upstreamtest.Greeting, drop, failsOver},
		{"drop EHLO", upstreamtest.Hello, drop, failsOver},
		{"drop MAIL", upstreamtest.Mail, drop, failsOver},
		{"drop RCPT", upstreamtest.Rcpt, drop, failsOver},
		{"drop DATA", upstreamtest.Data, drop, failsOver},
		{"reset in the body", upstreamtest.Body, upstreamtest.Reset(), failsOver},
		{"drop after the dot", upstreamtest.Dot, drop, doubtful},
		{"reset after the dot, taken", upstreamtest.Dot, upstreamtest.Reset().Recorded(), doubtful},

		{"4xx greeting", upstreamtest.Greeting, reply("454 4.3.0 Not now"), kept},
		{"4xx EHLO", upstreamtest.Hello, reply("451 4.3.0 Not now"), kept},
		{"4xx MAIL", upstreamtest.Mail, reply("451 4.3.0 Not now"), failsOver},
		{"4xx RCPT", upstreamtest.Rcpt, reply("450 4.2.1 Greylisted, come back later"), waits},
		{"4xx DATA", upstreamtest.Data, reply("451 4.3.0 Not now"), failsOver},
		{"4xx dot", upstreamtest.Dot, reply("451 4.3.0 Not now"), failsOver},

		{"5xx greeting", upstreamtest.Greeting, reply("554 5.7.1 No service for you"), failsOver},
		{"5xx EHLO", upstreamtest.Hello, reply("550 5.7.1 No service for you"), failsOver},
		{"5xx RCPT", upstreamtest.Rcpt, reply("550 5.1.1 User unknown"), bounces},
		{"5xx dot", upstreamtest.Dot, reply("554 5.6.0 Message content rejected"), bounces},
		{"5xx within the body", upstreamtest.Body, reply("550 5.6.0 Stop it"), bounces},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first, second := startProvider(t, upstreamtest.Options{}), startProvider(t, upstreamtest.Options{})
			first.On(tt.stage, upstreamtest.Times(1, tt.act))
			n := newNode(t, settings{},
				upstreamBlock("first", first.Addr(), `command_timeout = "1s"
				  final_timeout = "1s"`),
				upstreamBlock("second", second.Addr(), ""))
			p := n.start()
			id := p.post(letter())
			checkOutcome(t, p, id, tt.want)
			first.Release()
			p.stop()
			messages := 1
			if tt.want == bounces {
				messages++ // the notice
			}
			if e := n.entries(); len(e) != messages || e[0].Message.ID != id || tt.want != kept && !e[0].Finished() {
				t.Errorf("in the spool is %+v", e)
			}
		})
	}
}

// checkOutcome waits for the end of a message and compares how it came.
func checkOutcome(t *testing.T, p *process, id relay.ID, want outcome) {
	t.Helper()
	var events []string
	last, ok := p.log.wait(patience(t), func(l line) bool {
		if l.text("message") != string(id) {
			return false
		}
		events = append(events, l.text("event")+" "+l.text("upstream"))
		switch relay.EventKind(l.text("event")) {
		case relay.EventDeferred:
			return want == kept
		case relay.EventDelivered, relay.EventBounced, relay.EventHeld, relay.EventExpired:
			return true
		}
		return false
	})
	if !ok {
		t.Fatalf("the message came to no end: %q", events)
	}
	got := outcome{event: last.text("event"), at: last.text("upstream")}
	got.doubt = len(p.log.all(func(l line) bool { return l.is("in_doubt", string(id)) })) > 0
	if got != want && (want != kept || got != failsOver) {
		t.Errorf("got %+v; want %+v; events: %q", got, want, events)
	}
}

// TestProviderGone sends past an upstream that cannot be reached.
func TestProviderGone(t *testing.T) {
	for name, address := range map[string]string{"refuses connections": quietAddress(t), "is a black hole": blackHole(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			second := startProvider(t, upstreamtest.Options{})
			n := newNode(t, settings{}, upstreamBlock("first", address, `connect_timeout = "1s"`), upstreamBlock("second", second.Addr(), ""))
			p := n.start()
			checkOutcome(t, p, p.post(letter()), failsOver)
			p.stop()
		})
	}
}

// blackHole is an address at which no packet is answered: the queue of a
// listener that accepts nothing has room for one connection, which is there.
func blackHole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	at := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(syscall.Bind(fd, at), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return address
}

// TestLoginRefused sends past an upstream that does not let us in: all mail goes
// to the other, by one incident, and nothing bounces.
func TestLoginRefused(t *testing.T) {
	first := startProvider(t, upstreamtest.Options{Users: map[string]string{"relay": "right"}, AuthInClear: true})
	second := startProvider(t, upstreamtest.Options{})
	auth := fmt.Sprintf("auth {\n username = \"relay\"\n password = %q\n }", "wrong")
	n := newNode(t, settings{}, upstreamBlock("first", first.Addr(), auth), upstreamBlock("second", second.Addr(), ""))
	p := n.start()
	for range 5 {
		checkOutcome(t, p, p.post(letter()), failsOver)
	}
	open := listed(t, n, "incident", "list")
	if len(open) != 1 || open[0]["upstream"] != "first" || open[0]["held"] != 0.0 {
		t.Errorf("incidents: %v", open)
	}
	if up := listed(t, n, "upstream", "list"); up[0]["state"] != "disabled" || up[1]["state"] != "up" {
		t.Errorf("upstreams: %v", up)
	}
	p.stop()
	if logins := first.Reached(upstreamtest.Auth); logins > 2 {
		t.Errorf("%d logins were tried, one would do", logins)
	}
}
