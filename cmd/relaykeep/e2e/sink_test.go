package e2e

import (
	"bytes"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// TestSinkFaults lets Postfix's smtp-sink misbehave for good at every stage, as
// the first of two upstreams: the mail goes to the second, unless the answer
// blames the recipient or the message, or says to come back.
func TestSinkFaults(t *testing.T) {
	elsewhere := []relay.EventKind{relay.EventDelivered}
	later := []relay.EventKind{relay.EventDelivered, relay.EventDeferred} // asked to wait, or at the second at once
	never := []relay.EventKind{relay.EventBounced}
	doubted := []relay.EventKind{relay.EventHeld} // nobody knows, and then a second time
	for _, tt := range []struct {
		flag, stage string
		want        []relay.EventKind
	}{
		// -Q: 421 and hang up. -q: hang up. -r: a 4xx. -f: a 5xx.
		{"-Q", "connect", later}, {"-q", "connect", elsewhere}, {"-r", "connect", later}, {"-f", "connect", elsewhere},
		{"-Q", "ehlo", later}, {"-q", "ehlo", elsewhere}, {"-r", "ehlo", later}, // with -f it takes HELO, and the mail
		{"-Q", "mail", later}, {"-q", "mail", elsewhere}, {"-r", "mail", elsewhere}, {"-f", "mail", elsewhere},
		{"-Q", "rcpt", later}, {"-q", "rcpt", elsewhere}, {"-r", "rcpt", later}, {"-f", "rcpt", never},
		{"-Q", "data", later}, {"-q", "data", elsewhere}, {"-r", "data", elsewhere}, {"-f", "data", never},
		{"-Q", ".", later}, {"-q", ".", doubted}, {"-r", ".", elsewhere}, {"-f", ".", never},
	} {
		t.Run(tt.flag+" "+tt.stage, func(t *testing.T) {
			t.Parallel()
			first, second := startSink(t, tt.flag, tt.stage), startProvider(t, upstreamtest.Options{})
			n := newNode(t, settings{}, upstreamBlock("first", first.addr, ""), upstreamBlock("second", second.Addr(), ""))
			p := n.start()
			id := p.post(letter())
			ends := map[relay.EventKind]bool{}
			for _, kind := range tt.want {
				ends[kind] = true
			}
			final := map[relay.EventKind]bool{relay.EventDelivered: true, relay.EventBounced: true, relay.EventHeld: true}
			l, ok := p.log.wait(patience(t), func(l line) bool {
				kind := relay.EventKind(l.text("event"))
				return l.text("message") == string(id) && (ends[kind] || final[kind])
			})
			if kind := relay.EventKind(l.text("event")); !ok || !ends[kind] || kind == relay.EventDelivered && l.text("upstream") != "second" {
				t.Errorf("it came to %v, want one of %v", l, tt.want)
			}
			p.stop()
			if taken := len(first.messages()); taken != 0 && tt.stage != "." {
				t.Errorf("the first took %d messages", taken)
			}
		})
	}
}

// TestSinkIsSlow meets a sink that stalls: the time-outs of the configuration
// send the mail elsewhere; after the dot nobody knows, and it is told.
func TestSinkIsSlow(t *testing.T) {
	for stage, want := range map[string]outcome{
		"connect": failsOver, "ehlo": failsOver, "mail": failsOver, "rcpt": failsOver, "data": failsOver,
		".": {event: "held", at: "first", doubt: true}, // after the second time
	} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			first, second := startSink(t, "-W", stage+":30"), startProvider(t, upstreamtest.Options{})
			n := newNode(t, settings{}, upstreamBlock("first", first.addr, `command_timeout = "1s"
  final_timeout = "1s"`), upstreamBlock("second", second.Addr(), ""))
			p := n.start()
			checkOutcome(t, p, p.post(letter()), want)
			p.stop()
		})
	}
}

// TestSinkReadsSlowly meets a sink that begins to read a second after DATA,
// through a small window: a large mail waits for it, and arrives.
func TestSinkReadsSlowly(t *testing.T) {
	slow := startSink(t, "-H", "1", "-T", "2000")
	n := newNode(t, settings{}, upstreamBlock("slow", slow.addr, `command_timeout = "20s"`))
	p := n.start()
	m := letter()
	m.body = append(m.body, bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 1<<20/72)...)
	if _, ok := p.log.event(patience(t), "delivered", string(p.post(m))); !ok {
		t.Error("it was not delivered")
	}
	if taken := slow.messages(); len(taken) != 1 || !strings.HasSuffix(strings.TrimSpace(taken[0].content), strings.TrimSpace(strings.ReplaceAll(string(m.body), "\r\n", "\n"))) {
		t.Errorf("%d messages arrived, and not what was sent", len(taken))
	}
	p.stop()
}
