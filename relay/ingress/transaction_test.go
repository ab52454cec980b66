package ingress

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

func TestRecipients(t *testing.T) {
	w := start(t, func(o *Options, _ *Deps, _ *recorder) { o.MaxRecipients = 3 })
	d := w.greeted()
	d.ask("MAIL FROM:<>", "250 ")
	d.ask("RCPT TO:<b@to.example>", "250 ")
	d.ask("RCPT TO:<b@TO.example>", "250 ")
	d.ask("RCPT TO:<B@to.example>", "250 ")
	for range 3 * maxErrors {
		d.ask("RCPT TO:<c@to.example>", "452 4.5.3")
	}
	d.ask("DATA", "354 ")
	d.ask("A: b\r\n\r\nx\r\n.", queuedPrefix)
	m := w.one()
	if len(m.to) != 2 || m.to[0].Address != "b@to.example" || m.to[1].Address != "B@to.example" || m.m.From != "" {
		t.Errorf("got %+v to %+v", m.m, m.to)
	}
	if strings.Contains(m.body, "for <") {
		t.Errorf("a recipient shows: %.300q", m.body)
	}
}

func TestExtensions(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.ask("MAIL FROM:<jörg@bücher.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb SIZE=10", "250 ")
	d.ask("RCPT TO:<grüße@to.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+2By@z", "250 ")
	d.ask("RCPT TO:<b@to.example> NOTIFY=NEVER", "250 ")
	d.ask("DATA", "354 ")
	d.ask("A: b\r\n\r\nx\r\n.", queuedPrefix)
	m := w.one()
	if !m.m.UTF8 || !m.m.EightBit || m.m.Return != "HDRS" || m.m.EnvelopeID != "a+b" || m.m.From != "jörg@bücher.example" {
		t.Errorf("got %+v", m.m)
	}
	if r := m.to[0]; r.Notify != "FAILURE,SUCCESS" || r.OriginalRecipient != "rfc822;x+y@z" || r.Address != "grüße@to.example" {
		t.Errorf("got %+v", r)
	}
	if r := m.to[1]; r.Notify != "NEVER" || r.OriginalRecipient != "" {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(m.body, "with UTF8SMTP\r\n") {
		t.Errorf("got %.300q", m.body)
	}
}

// What a message itself is refused for.
func TestRefusedContent(t *testing.T) {
	received := "Received: x\r\n"
	own := "Received: by relay.example (relaykeep me) with ESMTP; x\r\n"
	tests := []struct{ name, text, want string }{
		{"100 hops", strings.Repeat(received, maxHops) + "\r\nx\r\n", "554 5.4.6"},
		{"99 hops", strings.Repeat(received, maxHops-1) + "\r\nx\r\n", queuedPrefix},
		{"here too often", strings.Repeat(own, maxReturns) + "\r\nx\r\n", "554 5.4.6"},
		{"here before", own + "\r\nx\r\n", queuedPrefix},
		{"large header", "A: b\r\n" + strings.Repeat("X-A: "+strings.Repeat("x", 90)+"\r\n", 10_000) + "\r\nx\r\n", "554 5.6.0"},
		{"many fields", strings.Repeat("A: b\r\n", 6000) + "\r\nx\r\n", "554 5.6.0"},
		{"empty", "", queuedPrefix},
	}
	w := start(t, func(_ *Options, d *Deps, _ *recorder) { d.Instance = "me" })
	d := w.greeted()
	for _, tt := range tests {
		d.send(tt.text, tt.want)
	}
	d.ask("MAIL FROM:<a@b>", "250 ")
	d.ask("RCPT TO:<b@header.example>", "250 ")
	d.ask("DATA", "354 ")
	d.ask("A: b\r\n\r\nx\r\n.", "550 5.1.2")
	d.ask("MAIL FROM:<a@b>", "250 ")
	d.ask("RCPT TO:<b@header.example>", "250 ")
	d.ask("DATA", "354 ")
	d.ask("X-Class: otp\r\n\r\nx\r\n.", queuedPrefix)
}

// Text without a header stays text under our Received field, and repairs are
// told once.
func TestRepaired(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.send("just text\nand more\r\n", queuedPrefix)
	if got := content(t, w.one()); got != "\r\njust text\r\nand more\r\n" {
		t.Errorf("got %q", got)
	}
	e := w.sink.of(relay.EventRepaired)
	if len(e) != 1 || e[0].Detail != "1 line ends made CRLF; an empty line put in after the header; Date added; Message-ID added; From added" || e[0].Message == "" {
		t.Errorf("events: %+v", e)
	}
}

func TestMinimalReceived(t *testing.T) {
	w := start(t, func(o *Options, _ *Deps, _ *recorder) { o.MinimalReceived = true })
	d := w.greeted()
	d.send("A: b\r\n\r\nx\r\n", queuedPrefix)
	if got := w.one().body; !strings.HasPrefix(got, "Received: by relay.example with ESMTP\r\n\tid ") || strings.Contains(got, "127.0.0.1") {
		t.Errorf("got %.200q", got)
	}
}

func TestRatePerClient(t *testing.T) {
	piped(t, func(o *Options, _ *Deps, _ *recorder) { o.RatePerClient = Rate{N: 2, Per: time.Minute} }, func(w *world, d *dialogue) {
		d.want("220 ")
		d.ask("EHLO x", "250 ")
		for range 2 {
			d.ask("MAIL FROM:<a@b>", "250 ")
			d.ask("RSET", "250 ")
		}
		d.ask("MAIL FROM:<a@b>", "450 4.7.1")
		<-time.After(30 * time.Second)
		d.ask("MAIL FROM:<a@b>", "250 ")
	})
}

// An idle client is told, and so is one that sends a command in drops.
func TestIdle(t *testing.T) {
	for _, drops := range []string{"", "NOOP and so on for a long time"} {
		piped(t, nil, func(w *world, d *dialogue) {
			d.want("220 ")
			begin := time.Now()
			dripped := make(chan struct{})
			go func() {
				defer close(dripped)
				for i := range drops {
					if _, err := d.Write([]byte{drops[i]}); err != nil {
						return
					}
					<-time.After(time.Minute)
				}
			}()
			d.want("421 4.4.2 Idle")
			if took := time.Since(begin); took != defaultIdle {
				t.Errorf("after %v", took)
			}
			<-dripped
		})
	}
}

// A client that reads no replies is given up.
func TestRepliesNotRead(t *testing.T) {
	piped(t, nil, func(w *world, d *dialogue) {
		begin := time.Now()
		<-w.srv.links.done()
		if took := time.Since(begin); took != writeTimeout {
			t.Errorf("after %v", took)
		}
	})
}

// A spool that does not answer is not waited for: 451, and the session lives.
func TestSlowSpool(t *testing.T) {
	piped(t, nil, func(w *world, d *dialogue) {
		w.spool.allow = stuck
		d.want("220 ")
		d.ask("EHLO x", "250 ")
		begin := time.Now()
		d.send("A: b\r\n\r\nx\r\n", "451 4.3.0")
		if took := time.Since(begin); took != spoolTime {
			t.Errorf("after %v", took)
		}
		d.ask("NOOP", "250 ")
	})
}

// Refusals are told at a bounded rate, and none is forgotten.
func TestRefusalsTold(t *testing.T) {
	var r refusals
	now := time.Unix(0, 0)
	told, untold := 0, 0
	for range 1000 {
		if n, ok := r.tell(now); ok {
			told++
			untold += n
		}
	}
	n, ok := r.tell(now.Add(time.Minute))
	if told != rejectedBurst || !ok || told+untold+n != 1000 {
		t.Errorf("%d told, %d not", told, n)
	}
}

// What a client says is escaped in events.
func TestEventsEscaped(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.ask("MAIL FROM:<\"a\u0085\u202e\"@b>", "553 5.1.7")
	e := w.sink.of(relay.EventRejected)
	if want := `a\u0085\u202e@b`; len(e) != 1 || e[0].From != want || e[0].Verdict.Stage != relay.StageMail || e[0].Verdict.Enhanced != "5.1.7" {
		t.Errorf("got %+v, want %s", e, want)
	}
	d.ask("MAIL FROM:<a@b>", "250 ")
	d.ask(fmt.Sprintf("RCPT TO:<%s@nowhere.example>", strings.Repeat("x", 60)), "550 5.1.2")
	if e := w.sink.of(relay.EventRejected); len(e) != 2 || !strings.HasSuffix(e[1].To, "@nowhere.example") || e[1].From != "a@b" {
		t.Errorf("got %+v", e)
	}
}
