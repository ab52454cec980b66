package ingress

import (
	"fmt"
	"strings"
	"testing"
)

// smuggles are the ends of data that some server takes for one and that are
// none (RFC 5321 2.3.8).
func smuggles() []string {
	return []string{
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\n.\r\r\n", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\r.\r\n", "\n\n.\r\r\n",
	}
}

// One message is sent, whatever its body pretends to end: one message is taken,
// or none.
func TestSmuggling(t *testing.T) {
	for _, reject := range []bool{false, true} {
		w := start(t, func(o *Options, _ *Deps, _ *recorder) { o.RejectBareNewline = reject })
		for _, end := range smuggles() {
			inner := "MAIL FROM:<evil@from.example>\r\nRCPT TO:<victim@to.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil"
			text := "Subject: outer\r\n\r\nbody" + end + inner
			for cut := 0; cut <= len(end); cut++ {
				t.Run(fmt.Sprintf("%q/%d/%v", end, cut, reject), func(t *testing.T) {
					before := len(w.spool.all())
					d := w.greeted()
					d.t = t
					d.envelope()
					d.ask("DATA", "354 ")
					at := strings.Index(text, end) + cut
					d.say(text[:at])
					d.say(text[at:])
					d.say("\r\n.\r\n")
					bare := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", ""), "\x00", "")
					if reject && strings.ContainsAny(bare, "\r\n") {
						d.want("554 5.6.0")
					} else {
						d.want(queuedPrefix)
					}
					d.ask("QUIT", "221 ")
					for _, m := range w.spool.all()[before:] {
						if got := content(t, m); !strings.HasSuffix(got, "evil\r\n") || m.m.From != "a@from.example" {
							t.Errorf("got %q", got)
						}
					}
				})
			}
		}
	}
}

// What is malformed about a BDAT closes the connection before its chunk could
// be read as commands, or the chunk is read over.
func TestBDATAbuse(t *testing.T) {
	payload := "MAIL FROM:<evil@from.example>\r\nRCPT TO:<v@to.example>\r\nDATA\r\nevil\r\n.\r\n"
	n := len(payload)
	tests := []struct {
		name, before, command, reply string
		closes                       bool
	}{
		{"without RCPT", "MAIL FROM:<a@b>\r\n", fmt.Sprintf("BDAT %d LAST", n), "502 ", false},
		{"without MAIL", "", fmt.Sprintf("BDAT %d", n), "502 ", false},
		{"no size", "", "BDAT", "501 ", true},
		{"bad size", "", "BDAT x LAST", "501 ", true},
		{"negative size", "", "BDAT -1 LAST", "501 ", true},
		{"size over 32 bits", "", "BDAT 4294967297 LAST", "501 ", true},
		{"not LAST", "", fmt.Sprintf("BDAT %d FIRST", n), "501 ", true},
		{"too many", "", fmt.Sprintf("BDAT %d LAST LAST", n), "501 ", true},
		{"tab", "", fmt.Sprintf("BDAT\t%d LAST", n), "501 ", true},
		{"huge", "", "BDAT 4294967295 LAST", "552 ", true},
	}
	w := start(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := w.greeted()
			d.t = t
			if tt.before != "" {
				d.say(tt.before)
				d.want("250 ")
			}
			d.say(tt.command + "\r\n" + payload)
			d.want(tt.reply)
			if tt.closes {
				if got := d.end(); got != "" {
					t.Errorf("got %q", got)
				}
				return
			}
			d.ask("NOOP", "250 ")
		})
	}
	d := w.greeted()
	d.envelope()
	d.chunk("x", "", "250 ")
	d.ask("DATA", "502 ")
	d.ask("MAIL FROM:<a@b>", "502 ")
	d.ask("QUIT", "221 ")
	w.none()
}

// Characters that no command holds are refused, and what is behind is read as
// the next command.
func TestCommandCharacters(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	for _, line := range []string{"NOOP \x00", "NOOP \x1b[2J", "NOOP\rQUIT", "NOOP \x7f", "NOOP \xff", "\u017fTARTTLS", "STARTTLS x", "EHLO a\x00b"} {
		d.ask(line, "5")
	}
	d.say("NOOP\n")
	d.want("250 ")
	w.none()
}

// Commands that came in one packet are answered in order.
func TestPipelining(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.say("MAIL FROM:<a@from.example>\r\nRCPT TO:<x@nowhere.example>\r\nRCPT TO:<b@to.example>\r\nDATA\r\n")
	for _, want := range []string{"250 ", "550 5.1.2", "250 ", "354 "} {
		d.want(want)
	}
	d.say("A: b\r\n\r\nx\r\n.\r\nMAIL FROM:<c@from.example>\r\nRCPT TO:<d@to.example>\r\nBDAT 2 LAST\r\nhiQUIT\r\n")
	for _, want := range []string{queuedPrefix, "250 ", "250 ", queuedPrefix, "221 "} {
		d.want(want)
	}
	d.end()
	if n := len(w.spool.all()); n != 2 {
		t.Errorf("%d messages", n)
	}
}
