package filter

import (
	"strings"
	"testing"

	milter "github.com/d--j/go-milter"
)

func TestReply(t *testing.T) {
	tests := []struct {
		code uint16
		said string
		want string
	}{
		{554, "554 5.7.1 Gtube pattern", "554 5.7.1 Gtube pattern"},
		{550, "550 no enhanced code", "550 5.7.1 no enhanced code"},
		{550, "550", "550 5.7.1 " + textRefused},
		{550, "550 5.7.28", "550 5.7.28 " + textRefused},
		{451, "451 4.7.1 Try again later", "451 4.7.1 Try again later"},
		{451, "451 5.7.1 of another class", "451 4.7.1 of another class"},
		{421, "421 4.3.2 closing", "451 4.3.2 closing"},
		{550, "550-5.7.0 one\r\n550-5.7.0 two\r\n550 5.7.0 three", "550 5.7.0 one two three"},
		{550, "550 5.7.1 caf\u00e9 \x1b[2J\ttab", "550 5.7.1 caf? ?[2J tab"},
		{550, "550 5.7.1 100%% sure", "550 5.7.1 100% sure"},
		{550, "550 5.7.1 " + strings.Repeat("x", 5000), "550 5.7.1 " + strings.Repeat("x", MaxText)},
		{550, "550 5.9999.1 odd", "550 5.7.1 5.9999.1 odd"},
		{450, "450-\r\n450 ", "450 4.7.1 " + textLater},
	}
	for _, tt := range tests {
		got := replyOf(&milter.Action{Type: milter.ActionRejectWithCode, SMTPCode: tt.code, SMTPReply: tt.said})
		if got.String() != tt.want {
			t.Errorf("%q became %q, want %q", tt.said, got, tt.want)
		}
	}
}

func TestFolded(t *testing.T) {
	for v, want := range map[string]string{
		"":              "",
		"a":             "a",
		"\n a":          " a",
		"a\r\n b":       "a\r\n b",
		"a\nb\rc":       "a\r\n\tb\r\n\tc",
		"a\n \n\t\n\nb": "a\r\n\tb",
		"a\n":           "a",
		"a\r\n\r\nbody": "a\r\n\tbody",
	} {
		if got := folded(v); got != want {
			t.Errorf("%q became %q, want %q", v, got, want)
		}
	}
}
