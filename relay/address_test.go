package relay

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	long := strings.Repeat("a", 64)
	domain := strings.Repeat("d", 63) + "." + strings.Repeat("d", 63) + "." + strings.Repeat("d", 61)
	tests := []struct {
		in   string
		utf8 bool
		want string
		rule AddressRule
	}{
		{in: "<a@b.example>", want: "a@b.example"},
		{in: "a@B.Example", want: "a@B.Example"},
		{in: "<a+b%c!d=e@b>", want: "a+b%c!d=e@b"},
		{in: `<"a b"@c>`, want: `"a b"@c`},
		{in: `<"ab"@c>`, want: "ab@c"},
		{in: `<"a\"b\\"@c>`, want: `"a\"b\\"@c`},
		{in: `<"a\b"@c>`, want: "ab@c"},
		{in: `<"v@evil.com> NOTIFY=NEVER X"@ok.com>`, want: `"v@evil.com> NOTIFY=NEVER X"@ok.com`},
		{in: `<"a..b"@c>`, want: `"a..b"@c`},
		{in: "<a..b@c>", want: `"a..b"@c`},
		{in: "<.a@c>", want: `".a"@c`},
		{in: "<@a,@b:user@c>", want: "user@c"},
		{in: "<a@[192.0.2.1]>", want: "a@[192.0.2.1]"},
		{in: "<a@[IPv6:2001:db8::1]>", want: "a@[IPv6:2001:db8::1]"},
		{in: "<a@my_host>", want: "a@my_host"},
		{in: "<jörg@bücher.example>", utf8: true, want: "jörg@bücher.example"},
		{in: long + "@" + domain, want: long + "@" + domain},

		{in: "", rule: RuleNoDomain},
		{in: "<>", rule: RuleNoDomain},
		{in: "<", rule: RuleSyntax},
		{in: "<postmaster>", rule: RuleNoDomain},
		{in: "<a@>", rule: RuleNoDomain},
		{in: "<@b>", rule: RuleSyntax},
		{in: "<@a:>", rule: RuleNoDomain},
		{in: "<a@b", rule: RuleSyntax},
		{in: "<a@b@c>", rule: RuleDomain},
		{in: "<a b@c>", rule: RuleSyntax},
		{in: "<a@b c>", rule: RuleDomain},
		{in: `<""@c>`, rule: RuleNoLocal},
		{in: `<"a@c>`, rule: RuleSyntax},
		{in: `<"a"b@c>`, rule: RuleNoDomain},
		{in: "<a\x00@c>", rule: RuleControl},
		{in: "<a\x7f@c>", rule: RuleControl},
		{in: "<\"a\r\nb\"@c>", rule: RuleControl},
		{in: "<a@c\n>", rule: RuleControl},
		{in: "<a\u0085b@c>", utf8: true, rule: RuleControl},
		{in: "<a\xff@c>", utf8: true, rule: RuleEncoding},
		{in: "<jörg@c>", rule: RuleUTF8},
		{in: "<a@bücher>", rule: RuleUTF8},
		{in: long + "a@b", rule: RuleLongLocal},
		{in: `"` + long[:63] + ` "@b`, rule: RuleLongLocal},
		{in: long + "@" + domain + "d", rule: RuleLong},
		{in: "a@" + strings.Repeat("d.", 128) + "d", rule: RuleLongDomain},
		{in: "a@b..c", rule: RuleDomain},
		{in: "a@b.", rule: RuleDomain},
		{in: "a@-b", rule: RuleDomain},
		{in: "a@" + long, rule: RuleDomain},
		{in: "a@[192.0.2.1", rule: RuleLiteral},
		{in: "a@[2001:db8::1]", rule: RuleLiteral},
		{in: "a@[IPv6:192.0.2.1]", rule: RuleLiteral},
		{in: "a@[IPv6:fe80::1%eth0]", rule: RuleLiteral},
		{in: "a@[tag:x]", rule: RuleLiteral},
	}
	for _, tt := range tests {
		got, err := ParseAddress(tt.in, tt.utf8)
		checkAddress(t, tt.in, got, err, tt.want, tt.rule)
	}
}

func TestQuoteAddress(t *testing.T) {
	tests := []struct {
		in, want string
		rule     AddressRule
	}{
		{in: "a@b", want: "a@b"},
		{in: "v@evil.com> NOTIFY=NEVER X@ok.com", want: `"v@evil.com> NOTIFY=NEVER X"@ok.com`},
		{in: `"a"@b`, want: `"\"a\""@b`},
		{in: "@x:y@z", want: `"@x:y"@z`},
		{in: "<a>@b", want: `"<a>"@b`},
		{in: "a", rule: RuleNoDomain},
		{in: "@b", rule: RuleNoLocal},
		{in: "a\rb@c", rule: RuleControl},
	}
	for _, tt := range tests {
		got, err := QuoteAddress(tt.in, false)
		checkAddress(t, tt.in, got, err, tt.want, tt.rule)
	}
}

func checkAddress(t *testing.T, in, got string, err error, want string, rule AddressRule) {
	t.Helper()
	var bad *AddressError
	errors.As(err, &bad)
	switch {
	case rule == "" && (err != nil || got != want):
		t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
	case rule != "" && (bad == nil || bad.Rule != rule):
		t.Errorf("%q: got %q, %v; want the rule %q", in, got, err, rule)
	}
}

// What is taken must parse to itself and cannot break out of a command line.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"<a@b>", `<"a b"@c>`, `"\"x\\"@[1.2.3.4]`, "@a:b@c", "a@b@c", "jörg@bücher", "a@[IPv6:::1]", "\x00@\x7f", `"a>b"@c`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, smtputf8 bool) {
		for _, parse := range []func(string, bool) (string, error){ParseAddress, QuoteAddress} {
			got, err := parse(s, smtputf8)
			if err != nil {
				var bad *AddressError
				if !errors.As(err, &bad) || got != "" {
					t.Fatalf("%q: %q with error %v", s, got, err)
				}
				continue
			}
			again, err := ParseAddress("<"+got+">", smtputf8)
			if err != nil || again != got {
				t.Fatalf("%q gives %q, which gives %q, %v", s, got, again, err)
			}
			if len(got) > MaxAddress {
				t.Fatalf("%q gives %d bytes", s, len(got))
			}
			checkWire(t, got, smtputf8)
		}
	})
}

func checkWire(t *testing.T, s string, smtputf8 bool) {
	t.Helper()
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f || c > 0x7f && !smtputf8:
			t.Fatalf("%q holds %q", s, c)
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte("<> ,;()\\", c) >= 0:
			t.Fatalf("%q holds %q outside of quotes", s, c)
		}
	}
	if quoted {
		t.Fatalf("%q leaves a quote open", s)
	}
}
