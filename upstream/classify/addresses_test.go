package classify

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWithoutAddresses(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"user unknown", "user unknown"},
		{"<dmarc@example.com>: user unknown", "<@>: user unknown"},
		{"dmarc@example.com... user unknown", "@... user unknown"},
		{"relaying mail to spf@example.com is not allowed", "relaying mail to @ is not allowed"},
		{"no mailbox for bob@dkim.example.com.", "no mailbox for @."},
		{"(spf@example.com:blocked)", "(@:blocked)"},
		{"rcpt to:<smtp:spf@example.com>, a@b.example, c@d.example", "rcpt to:<@>, @, @"},
		{`<"bob spf"@example.com>: no`, "<@>: no"},
		{`to "bob \"spf\" x"@example.com: no`, "to @: no"},
		{`"spf"@example.com is unknown`, "@ is unknown"},
		{"'spf@example.com' is unknown", "@' is unknown"},
		{"<@spamcop.net,@b.example:bob@example.com> no", "<@> no"},
		{"srs0=abcd=xx=spamcop.net=bob@example.com no", "@ no"},
		{"list+bob=spf.example@example.com no", "@ no"},
		{"bob@[192.0.2.1] no", "@ no"},
		{"bob@[ no", "@[ no"},
		{"spf@ is no address", "@ is no address"},
		{"dmarc@bücher.example: no", "@: no"},
		{"почта@spamcop.net: no", "@: no"},
		{"missing final '@domain'", "missing final '@domain'"},
		{"[@sm060104] is @ home", "[@sm060104] is @ home"},
		{"a @ b", "a @ b"},
		{"@@@", "@@@"},
		{"a@b@c", "@@c"},
		{"see http://www.openspf.org/why?s=mfrom;id=dmarc@example.com: no", "see http://www.openspf.org/why?s=mfrom;@: no"},
		{"see <https://x.example/?a=b&id=spf@example.com> no", "see <https://x.example/?a=b&id=@> no"},
		{`the "mail from" is no "x"`, `the "mail from" is no "x"`},
		{"<unknown[192.0.2.1]>: client host rejected", "<unknown[192.0.2.1]>: client host rejected"},
		{`"bob@spf"@example.com: no`, `"@@: no`},
		{"@\"x\"", "@\"x\""},
		{`"@x`, "@"},
	} {
		if got := withoutAddresses(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestAnyAddressGoes: of an address in a sentence no word is left, however it
// is written, and the sentence is.
func TestAnyAddressGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.OneOf(
			rapid.StringMatching(`[a-z0-9!#$%&'*+/=?^_{|}~-]{0,8}(\.[a-z0-9+=_-]{1,8})?evil`),
			rapid.StringMatching(`"[a-z .,:;()-]{0,8}evil(\\")?"`),
		).Draw(t, "local part")
		domain := rapid.StringMatching(`[a-z0-9-]{1,8}evil(\.[a-z]{2,6})?`).Draw(t, "domain")
		form := rapid.SampledFrom([]string{"<%>: no", "%... no", "no mail to % here", "(%) no", "no: %", "[%] no", "%: no", "%, no"}).Draw(t, "form")
		text := strings.Replace(form, "%", local+"@"+domain, 1)
		got := withoutAddresses(text)
		if strings.Contains(got, "evil") {
			t.Fatalf("%s: got %q", text, got)
		}
		for _, rest := range strings.Split(form, "%") {
			if !strings.Contains(got, rest) {
				t.Fatalf("%s: got %q, which lacks %q", text, got, rest)
			}
		}
	})
}
