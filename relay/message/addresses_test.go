package message

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"relaykeep/relay"
)

func TestAddresses(t *testing.T) {
	for name, tt := range map[string]struct {
		value string
		want  string // joined by blanks; quotes as they are
	}{
		"nothing":             {"", ""},
		"one":                 {"bob@example.com", "bob@example.com"},
		"angle brackets":      {" <bob@example.com> ", "bob@example.com"},
		"display names":       {`Bob <bob@example.com>, "Smith, Al" <al@example.com>`, "bob@example.com al@example.com"},
		"dot in a name":       {"Al E. Smith <al@example.com>", "al@example.com"},
		"folded":              {"a@example.com,\r\n\tb@example.com,\n c@example.com", "a@example.com b@example.com c@example.com"},
		"comments":            {"(first) a@example.com (Al (the \\) elder)), b@(here)example.com", "a@example.com b@example.com"},
		"blanks between":      {"a . b @ example . com", "a.b@example.com"},
		"group":               {"Friends: a@example.com, Bob <b@example.com>; c@example.com", "a@example.com b@example.com c@example.com"},
		"empty group":         {"undisclosed-recipients:;", ""},
		"group with a quoted": {`"My friends": a@example.com;, b@example.com`, "a@example.com b@example.com"},
		"open group":          {"Friends: a@example.com, b@example.com", "a@example.com b@example.com"},
		"route":               {"<@one.example,@two.example:a@example.com>", "a@example.com"},
		"quoted local part":   {`"a b"@example.com, "c.d"@example.com, "e\"f"@example.com`, `"a b"@example.com c.d@example.com "e\"f"@example.com`},
		"part of it quoted":   {`"a".b@example.com`, "a.b@example.com"},
		"literal":             {"a@[192.0.2.1], b@[IPv6:2001:db8::1]", "a@[192.0.2.1] b@[IPv6:2001:db8::1]"},
		"encoded name":        {"=?utf-8?q?J=C3=BCrgen?= <j@example.com>", "j@example.com"},
		"broken encoded name": {"=?utf-8?q?M=C3=BCller,_J.?= <j@example.com>", "j@example.com"},
		"UTF-8":               {"Jürgen Müller <jürgen@müller.example>, 山田 <y@例え.example>", "jürgen@müller.example y@例え.example"},
		"Latin-1 name":        {"J\xfcrgen <j@example.com>", "j@example.com"},
		"semicolons":          {"a@example.com; b@example.com;", "a@example.com b@example.com"},
		"empty elements":      {",a@example.com,, b@example.com ,", "a@example.com b@example.com"},
		"dots at an end":      {"a.@example.com, b..c@example.com", `"a."@example.com "b..c"@example.com`},
		"bare local parts":    {"root, Bob <bob>, \"a b\"", `root@host.test bob@host.test "a b"@host.test`},
		"plus and apostrophe": {"o'neil+x@example.com", "o'neil+x@example.com"},
		"angle with comment":  {"<a@example.com> (Al)", "a@example.com"},
		"literal text within": {`"<x@evil.example>, " <a@example.com>`, "a@example.com"},
		"at sign in quotes":   {`"a@b"@example.com`, `"a@b"@example.com`},
		"nothing but names":   {"(nobody)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Addresses(tt.value, "host.test")
			if err != nil || strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestAddressesRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ value, want string }{
		"name without address": {"Bob Smith", `near "Bob Smith": that is no address`},
		"two without comma":    {"a@example.com b@example.com", "that is no address"},
		"two angles":           {"<a@example.com> <b@example.com>", "a comma is missing"},
		"text behind":          {"<a@example.com> Bob", "a comma is missing"},
		"open bracket":         {"<a@example.com", "not closed"},
		"bracket in bracket":   {"<<a@example.com>>", "not closed"},
		"stray bracket":        {"a@example.com>", "no angle bracket was opened"},
		"open comment":         {"a@example.com (oops", "a comment is not closed"},
		"open quotes":          {`"Bob <a@example.com>`, `a " is missing`},
		"open literal":         {"a@[192.0.2.1", "a ] is missing"},
		"empty":                {"Bob <>", "no address in it"},
		"no local part":        {"@example.com", "no local part"},
		"no domain":            {"a@", "the domain is missing"},
		"two at signs":         {"a@b@example.com", "that is no address"},
		"literal local part":   {"[a]@example.com", "that is no address"},
		"quoted domain":        {`a@"example.com"`, "that is no address"},
		"domain":               {"a@-example.com", "domain"},
		"literal address":      {"a@[example]", "address literal"},
		"backslash":            {`a\b@example.com`, "may not stand there"},
		"control":              {"a\x01@example.com", "may not stand there"},
		"quoted control":       {"\"a\x00\"@example.com", "control"},
		"Latin-1 address":      {"j\xfcrgen@example.com", "encoding"},
		"colon":                {": a@example.com", "behind the name of a group"},
		"group in a group":     {"a: b: c@example.com;", "behind the name of a group"},
		"no route":             {"<a:b@example.com>", "behind a route"},
		"too long":             {strings.Repeat("a", 65) + "@example.com", "long local part"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Addresses(tt.value, "host.test")
			var wrong *AddressListError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
	if got, err := Addresses("root", ""); err == nil || !strings.Contains(err.Error(), `near "root": the domain is missing`) {
		t.Errorf("without a domain: got %q, %v", got, err)
	}
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{
		`Bob <bob@example.com>, "Smith, Al" <al@example.com>`, "Friends: a@b, <@x,@y:c@d>;", "a (b (c) \\)) @ [192.0.2.1]",
		"=?utf-8?q?a,b?= <a@b>", `"a\"b"@c, ü@é`, "root", "<>,;:", "\"\r\n\"@b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := Addresses(value, "host.test")
		if err != nil {
			if got != nil {
				t.Errorf("%q beside %v", got, err)
			}
			return
		}
		for _, a := range got {
			if again, err := relay.ParseAddress(a, true); err != nil || again != a {
				t.Errorf("%q is not in wire form: %q, %v", a, again, err)
			}
		}
		if again, err := Addresses(strings.Join(got, ", "), ""); err != nil || !slices.Equal(again, got) {
			t.Errorf("%q is read again as %q, %v", got, again, err)
		}
	})
}
