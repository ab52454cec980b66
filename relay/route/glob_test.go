package route

import (
	"testing"

	"pgregory.net/rapid"

	"relaykeep/spool"
)

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*", "a.b/c@d.e", true},
		{"", "", true},
		{"", "a", false},
		{"?*", "", false},
		{"?*", "a", true},
		{"*@otp.example.com", "bob@otp.example.com", true},
		{"*@otp.example.com", "BOB@OTP.Example.COM", true},
		{"*@OTP.example.com", "bob@otp.example.com", true},
		{"*@otp.example.com", "bob@sub.otp.example.com", false},
		{"*@*.example.com", "bob@sub.otp.example.com", true},
		{"*otp*", "bob@otp.example.com", true},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"a*bc*bc", "abcbc", true},
		{"a*bc*bc", "abc", false},
		{"bob@example.com", "bob@example.com", true},
		{"bob@example.com", "bobby@example.com", false},
		{"b[oa]b@*", "BAB@x", true},
		{"b[oa]b@*", "bib@x", false},
		{"b[^a-z]b@*", "b1b@x", true},
		{`\*@example.com`, "*@example.com", true},
		{`\*@example.com`, "a@example.com", false},
		{"a/b@*", "A/B@c/d", true},
		{"?@x", "/@x", true},
		{"[", "[", true}, // cannot be parsed: itself only
		{"[", "a", false},
		{"*[", "a[", false},
		{"*[", "*[", true},
		{"*@bücher.example", "a@BÜCHER.example", true},
		{"?@x", "ü@x", true},
		{"*k*", "a\u212ab", true}, // the Kelvin sign is a k
		{"*\xff*", "a\ufffd", true},
		{"*", "\xff", true},
	} {
		g := compileGlob(tt.pattern)
		if got := g.match(tt.s); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
		if got := spool.Glob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("spool.Glob: %q matches %q: %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}

// TestGlobAgrees compares with spool.Glob over a small alphabet, which makes
// matches likely.
func TestGlobAgrees(t *testing.T) {
	pattern := rapid.StringOf(rapid.RuneFrom([]rune("aAb@./**?[]^-\\\x01ü\u212a")))
	text := rapid.StringOf(rapid.RuneFrom([]rune("aAb@./*\x01üÜ\u212a[")))
	rapid.Check(t, func(t *rapid.T) {
		agree(t, pattern.Draw(t, "pattern"), text.Draw(t, "text"))
	})
}

func FuzzGlobAgrees(f *testing.F) {
	for _, seed := range [][2]string{
		{"*@*.example.com", "bob@sub.example.com"}, {"[a-", "[a-"}, {"\xff*", "\xffa"}, {"*/", "\x01"}, {"İ*", "i̇"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) { agree(t, pattern, s) })
}

func agree(t interface{ Fatalf(string, ...any) }, pattern, s string) {
	g := compileGlob(pattern)
	if got, want := g.match(s), spool.Glob(pattern, s); got != want {
		t.Fatalf("%q matches %q: %v, spool.Glob says %v", pattern, s, got, want)
	}
}
