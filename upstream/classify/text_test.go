package classify

import (
	"strings"
	"testing"

	"relaykeep/relay"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"Ok: queued as 4ZxY", "Ok: queued as 4ZxY"},
		{"one\ntwo\r\nthree\n", "one / two / three"},
		{"a\rb", `a\x0db`},
		{"a\tb", "a b"},
		{"\x1b[31mred\x00\x7f", `\x1b[31mred\x00\x7f`},
		{"bücher 邮件", "bücher 邮件"},
		{"\u202efdp.exe \u2028 \u0085", `\u202efdp.exe \u2028 \u0085`},
		{"\U000e0041", `\U000e0041`},
		{"\xffa\xc3", `\xffa\xc3`},
		{"\ufffd", "\ufffd"},
		{`C:\x`, `C:\x`},
		{strings.Repeat("a", relay.MaxReplyText), strings.Repeat("a", relay.MaxReplyText)},
		{strings.Repeat("a", relay.MaxReplyText+1), strings.Repeat("a", relay.MaxReplyText-3) + "…"},
		{strings.Repeat("é", relay.MaxReplyText), strings.Repeat("é", relay.MaxReplyText/2-2) + "…"},
		{strings.Repeat("\x00", relay.MaxReplyText), strings.Repeat(`\x00`, relay.MaxReplyText/4-1) + "…"},
	} {
		got := printable(tt.in)
		if got != tt.want {
			t.Errorf("%.40q: got %q, want %q", tt.in, got, tt.want)
		}
		if again := printable(got); again != got {
			t.Errorf("%.40q: escaped twice it is %q", tt.in, again)
		}
	}
}
