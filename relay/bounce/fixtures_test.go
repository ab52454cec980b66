package bounce

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

var update = flag.Bool("update", false, "write what is composed now into the golden files")

var (
	received = time.Date(2026, 11, 12, 14, 3, 0, 0, time.UTC)
	now      = received.Add(90 * time.Second)
)

const noticeID = relay.ID("01KZZZZZZZZZZZZZZZZZZZZZZZ")

// original is the message that the tests' notices are about.
func message() relay.Message {
	return relay.Message{
		ID: "01K9VV4J80AAAAAAAAAAAAAAAA", MessageID: "<order.4711@shop.example>", Subject: "Your order 4711",
		From: "ada@example.com", ReceivedAt: received,
	}
}

const content = "Received: from app by relay.example.com\r\n" +
	"From: Ada <ada@example.com>\r\n" +
	"To: bob@example.net\r\n" +
	"Subject: Your order 4711\r\n" +
	"Message-ID: <order.4711@shop.example>\r\n" +
	"\r\n" +
	"Thank you.\r\n"

// refused is a recipient that bounced.
func refused(address string, code int, enhanced, text, rule string) relay.Recipient {
	return relay.Recipient{
		Address: address, Route: "default", State: relay.Bounced, Attempts: 1,
		Upstream: "ses", LastAt: received.Add(time.Minute), FinishedAt: received.Add(time.Minute),
		Last: relay.Verdict{
			Class: relay.ClassRejected, Scope: relay.ScopeRecipient, Action: relay.ActionBounce,
			Stage: relay.StageRcpt, Code: code, Enhanced: enhanced, Text: text, Rule: rule,
		},
	}
}

func remoteHost(upstream string) string {
	return map[string]string{"ses": "smtp.provider.example", "bare": "127.0.0.1", "six": "2001:db8::1"}[upstream]
}

func meaning(rule string) string {
	return map[string]string{"unknown-mailbox": "There is no such mailbox."}[rule]
}

// about makes a notice on a message.
func about(c cause, m relay.Message, body string, full bool, of ...relay.Recipient) *notice {
	return &notice{
		id: noticeID, cause: c, hostname: "relay.example.com", from: "MAILER-DAEMON@relay.example.com",
		to: m.From, now: now, original: m, of: of,
		returned:   load(text(body), full, m.UTF8).pick(full),
		remoteHost: remoteHost, meaning: meaning,
	}
}

// text is a relay.Body.
type text string

func (t text) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(t))), nil }
func (t text) Size() int64                  { return int64(len(t)) }

// mustCompose composes a notice and checks what holds for all.
func mustCompose(t testing.TB, n *notice) []byte {
	t.Helper()
	raw, err := compose(n)
	if err != nil {
		t.Fatal(err)
	}
	again, err := compose(n)
	if err != nil || !bytes.Equal(raw, again) {
		t.Errorf("composed again it differs: %v", err)
	}
	checkForm(t, raw)
	return raw
}

// golden compares with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".eml")
	readable := bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
	if *update {
		if err := os.WriteFile(path, readable, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readable, want) {
		t.Errorf("%s: composed\n%s", name, readable)
	}
}
