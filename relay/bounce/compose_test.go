package bounce

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"relaykeep/relay"
	"relaykeep/spool"
)

func TestGolden(t *testing.T) {
	bob := refused("bob@example.net", 550, "5.1.1", "No such user here", "unknown-mailbox")
	late := relay.Recipient{
		Address: "carol@example.org", Route: "default", State: relay.Expired, Attempts: 7, Upstream: "bare",
		LastAt: received.Add(5 * 24 * time.Hour), ExpiresAt: received.Add(5 * 24 * time.Hour),
		Last: relay.Verdict{Class: relay.ClassDeferred, Stage: relay.StageDial, Text: "dial tcp 127.0.0.1:25: connection refused", Rule: "refused"},
	}
	waiting := late
	waiting.State, waiting.Address = relay.Queued, "dan@example.org"
	waiting.Last = relay.Verdict{Class: relay.ClassDeferred, Stage: relay.StageRcpt, Code: 452, Enhanced: "4.2.2", Text: "Mailbox full"}
	done := relay.Recipient{
		Address: "eve@example.org", State: relay.Delivered, Upstream: "ses", LastAt: received.Add(time.Second),
		Last: relay.Verdict{Class: relay.ClassDelivered, Stage: relay.StageBody, Code: 250, Enhanced: "2.0.0", Text: "Ok 0100018c"},
	}
	list := refused("bob+list@example.net", 552, "5.3.4", "Message too big", "")
	list.OriginalRecipient = "rfc822;list@example.net"
	global := refused("jörg@bücher.example", 550, "5.1.1", "Kein Postfach für Jörg", "")
	global.OriginalRecipient = "utf-8;jörg@bücher.example"

	m := message()
	traced := m
	traced.EnvelopeID, traced.Return = "QQ314159", "FULL"
	utf8 := m
	utf8.UTF8, utf8.From, utf8.Subject = true, "møller@example.com", "Grüße"
	hostile := m
	hostile.Subject = "\x1b[31mred\r\nBcc: x@evil.example \u202egnp"
	hostile.MessageID = "<a b@c>\r\nX: y"
	hostile.EnvelopeID = "one\r\nX-Two: 2"
	worse := refused(`"a\"> b"@example.net`, 550, "9.9.9\r\n", "bye\r\n\r\n--report-00\r\n\x1b]0;title\a\xff\xfe "+strings.Repeat("x", 3000), "")
	worse.OriginalRecipient = "rfc822;a\r\nAction: delivered\r\n b@c"
	eightBit := "Subject: caf\xe9\r\nX-Long: " + strings.Repeat("y", 2000) + "\r\nX-Esc: \x1b[2J\r\n\r\nbody\r\n"

	tests := []struct {
		name string
		n    *notice
	}{
		{"failed", about(failed, m, content, false, bob)},
		{"failed-several", about(failed, m, content, false, bob, late, refused("ben@example.net", 550, "5.1.1", "No such user here", "unknown-mailbox"), list)},
		{"failed-full", about(failed, traced, content, true, bob)},
		{"failed-unreadable", about(failed, m, "", false, bob)},
		{"delayed", about(delayed, m, content, false, waiting)},
		{"relayed", about(relayed, m, content, false, done)},
		{"global", about(failed, utf8, "Subject: Grüße\r\nFrom: møller@example.com\r\n\r\nGrüße\r\n", false, global)},
		{"global-full", about(failed, utf8, "Subject: Grüße\r\nFrom: møller@example.com\r\n\r\nGrüße\r\n", true, global)},
		{"hostile", about(failed, hostile, eightBit, true, worse)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { golden(t, tt.name, mustCompose(t, tt.n)) })
	}
}

// A notice has an upper bound, whatever is told, and tells how many it leaves
// out. A thousand ordinary recipients have room.
func TestBounds(t *testing.T) {
	many := func(n int, text string) (of []relay.Recipient) {
		for i := range n {
			of = append(of, refused(fmt.Sprintf("someone.with.a.name.%d@example.net", i), 550, "5.1.1", fmt.Sprint(text, i), "unknown-mailbox"))
		}
		return of
	}
	long := strings.Repeat("reply ", 170)
	full := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("z", 70)+"\r\n", maxFull/72-1)
	tests := []struct {
		name   string
		n      *notice
		blocks int
		whole  bool
	}{
		{"a thousand", about(failed, message(), full, true, many(1000, long)...), 1000, true},
		{"too many", about(failed, message(), full, true, many(9000, long)...), 0, true},
		{"too large", about(failed, message(), full+full, true, many(1, "no")...), 1, false},
		{"large header", about(failed, message(), strings.Repeat("X-Y: \x80"+strings.Repeat("\xff", 90)+"\r\n", 5000)+"\r\n", true, many(1, "no")...), 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := mustCompose(t, tt.n)
			if len(raw) > spool.MaxNotice {
				t.Errorf("%d bytes", len(raw))
			}
			got := bytes.Count(raw, []byte("\r\nAction: failed\r\n"))
			if tt.blocks > 0 && got != tt.blocks {
				t.Errorf("%d recipients", got)
			}
			if tt.blocks == 0 && (got < 1000 || !bytes.Contains(raw, []byte("There was no room for all"))) {
				t.Errorf("%d recipients, and nothing is said", got)
			}
			if whole := bytes.Contains(raw, []byte("Content-Type: message/rfc822\r\n")); whole != tt.whole {
				t.Errorf("the message goes back: %v", whole)
			}
		})
	}
}

// checkForm checks what holds for every notice: it parses, its lines are ASCII
// and short enough, its boundaries are balanced, and its parts are the three of
// RFC 3462, or two.
func checkForm(t testing.TB, raw []byte) {
	t.Helper()
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Fatalf("a line of %d bytes", len(line))
		}
		for _, c := range line {
			if c < ' ' && c != '\t' || c >= 0x7f {
				t.Fatalf("%q in the line %q", c, line)
			}
		}
	}
	e, err := gomessage.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if kind, params, err := e.Header.ContentType(); err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Fatalf("it is a %s with %v, %v", kind, params, err)
	}
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted", "Mime-Version"} {
		if len(e.Header.Values(name)) != 1 {
			t.Errorf("%d fields %s", len(e.Header.Values(name)), name)
		}
	}
	if got := e.Header.Get("Auto-Submitted"); got != "auto-replied" {
		t.Errorf("Auto-Submitted is %q", got)
	}
	if n := e.Header.Len(); n > 10 {
		t.Errorf("%d fields", n)
	}
	mr := e.MultipartReader()
	var kinds []string
	for {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !gomessage.IsUnknownCharset(err) {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, kind)
		if strings.HasSuffix(kind, "delivery-status") {
			checkStatus(t, body)
		}
	}
	switch strings.Join(kinds, " ") {
	case "text/plain message/delivery-status", "text/plain message/global-delivery-status",
		"text/plain message/delivery-status text/rfc822-headers", "text/plain message/delivery-status message/rfc822",
		"text/plain message/delivery-status message/global-headers", "text/plain message/delivery-status message/global",
		"text/plain message/global-delivery-status text/rfc822-headers", "text/plain message/global-delivery-status message/rfc822",
		"text/plain message/global-delivery-status message/global-headers", "text/plain message/global-delivery-status message/global":
	default:
		t.Errorf("the parts are %v", kinds)
	}
	limit := boundaryOf(t, e)
	if n := bytes.Count(raw, []byte("--"+limit)); n != len(kinds)+1 {
		t.Errorf("the boundary occurs %d times for %d parts", n, len(kinds))
	}
}

func boundaryOf(t testing.TB, e *gomessage.Entity) string {
	t.Helper()
	_, params, err := e.Header.ContentType()
	if err != nil {
		t.Fatal(err)
	}
	return params["boundary"]
}

// checkStatus reads the blocks of fields, and checks that each recipient has
// its fields once.
func checkStatus(t testing.TB, raw []byte) {
	t.Helper()
	blocks := bytes.Split(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n\r\n"))
	for i, b := range blocks {
		h, err := textproto.ReadHeader(bufio.NewReader(io.MultiReader(bytes.NewReader(b), strings.NewReader("\r\n\r\n"))))
		if err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		need := []string{"Final-Recipient", "Action", "Status"}
		if i == 0 {
			need = []string{"Reporting-Mta", "Arrival-Date"}
		}
		for _, name := range need {
			if got := h.Values(name); len(got) != 1 || got[0] == "" {
				t.Errorf("block %d has %q for %s", i, got, name)
			}
		}
		if s := h.Get("Status"); i > 0 && !isStatus(s) {
			t.Errorf("status %q", s)
		}
	}
}
