package bounce

import (
	"strings"
	"testing"

	"relaykeep/relay"
)

func TestStatus(t *testing.T) {
	tests := []struct {
		cause    cause
		state    relay.State
		code     int
		enhanced string
		want     string
	}{
		{failed, relay.Bounced, 550, "5.1.1", "5.1.1"},
		{failed, relay.Bounced, 550, "", "5.0.0"},
		{failed, relay.Bounced, 550, "4.1.1", "5.0.0"}, // the code outranks it
		{failed, relay.Bounced, 450, "4.2.1", "4.2.1"},
		{failed, relay.Bounced, 436, "", "4.0.0"},
		{failed, relay.Bounced, 0, "5.6.3", "5.6.3"}, // our own verdict
		{failed, relay.Bounced, 550, "5.1.1000", "5.0.0"},
		{failed, relay.Bounced, 550, "5.1", "5.0.0"},
		{failed, relay.Bounced, 550, "5.-1.1", "5.0.0"},
		{failed, relay.Expired, 452, "4.2.2", "4.4.7"},
		{failed, relay.Expired, 0, "", "4.4.7"},
		{delayed, relay.Queued, 452, "4.2.2", "4.2.2"},
		{delayed, relay.Held, 554, "5.7.1", "4.0.0"},
		{relayed, relay.Delivered, 250, "2.6.0", "2.6.0"},
		{relayed, relay.Delivered, 250, "", "2.0.0"},
	}
	for _, tt := range tests {
		r := relay.Recipient{State: tt.state, Last: relay.Verdict{Code: tt.code, Enhanced: tt.enhanced}}
		if got := status(&r, tt.cause); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct {
		orcpt       string
		ascii, utf8 string
	}{
		{"rfc822;bob@example.net", "rfc822; bob@example.net", "rfc822; bob@example.net"},
		{"rfc822;a b\x00@c", "rfc822; a+20b+00@c", "rfc822; a+20b+00@c"},
		{"utf-8;jörg@c", `utf-8; j\x{F6}rg@c`, "utf-8; jörg@c"},
		{"utf-8;\xff@c", "utf-8; +FF@c", "utf-8; +FF@c"},
		{"x400;/c=us/", "x400; /c=us/", "x400; /c=us/"},
		{"nothing", "unknown; nothing", "unknown; nothing"},
		{";a@b", "unknown; ;a@b", "unknown; ;a@b"},
		{"a\r\nb;c", "unknown; a+0D+0Ab;c", "unknown; a+0D+0Ab;c"},
	}
	for _, tt := range tests {
		if got := originalRecipient(tt.orcpt, false); got != tt.ascii {
			t.Errorf("%q: %q, want %q", tt.orcpt, got, tt.ascii)
		}
		if got := originalRecipient(tt.orcpt, true); got != tt.utf8 {
			t.Errorf("%q in UTF-8: %q, want %q", tt.orcpt, got, tt.utf8)
		}
	}
}

func TestRemote(t *testing.T) {
	n := &notice{remoteHost: remoteHost}
	for upstream, want := range map[string]string{"ses": "smtp.provider.example", "bare": "[127.0.0.1]", "six": "[IPv6:2001:db8::1]", "gone": "", "": ""} {
		if got := n.remote(&relay.Recipient{Upstream: upstream}); got != want {
			t.Errorf("%q: %q", upstream, got)
		}
	}
}

func TestField(t *testing.T) {
	long := strings.Repeat("w", 2500)
	tests := map[string]string{
		"a b":                       "X: a b\r\n",
		"":                          "X: \r\n",
		strings.Repeat("word ", 20): "X:" + strings.Repeat(" word", 14) + "\r\n" + strings.Repeat(" word", 6) + "\r\n",
		`"a   b"@c`:                 "X: \"a   b\"@c\r\n",
		long:                        "X: " + long[:987] + "\r\n " + long[:989] + "\r\n " + long[:524] + "\r\n",
		strings.Repeat("é", 600):    "X: " + strings.Repeat("é", 493) + "\r\n " + strings.Repeat("é", 107) + "\r\n",
	}
	for value, want := range tests {
		if got := string(field("X", value)); got != want {
			t.Errorf("%.20q: %q, want %q", value, got, want)
		}
	}
}

func TestFirstWords(t *testing.T) {
	for in, want := range map[string]string{"short": "short", "one two three": "one two", "onetwothree": "onetwot", "one two": "one two"} {
		if got := firstWords(in, 7); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	tests := []struct {
		in          string
		n           int
		ascii, text string
	}{
		{"plain text", 100, "plain text", "plain text"},
		{"  a \r\n\t b  ", 100, "a b", "a b"},
		{"Grüße", 100, `Gr\u00fc\u00dfe`, "Grüße"},
		{"\x1b[2J\u202e\xff", 100, `\x1b[2J\u202e\ufffd`, `\x1b[2J\u202e\ufffd`},
		{"abcdefgh", 8, "abcdefgh", "abcdefgh"},
		{"abcdefghi", 8, "abcde...", "abcde..."},
		{"ééééé", 8, "...", "éé..."},
		{"", 8, "", ""},
	}
	for _, tt := range tests {
		if got := asciiLine(tt.in, tt.n); got != tt.ascii {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.ascii)
		}
		if got := textLine(tt.in, tt.n); got != tt.text {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.text)
		}
	}
}
