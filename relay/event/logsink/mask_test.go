package logsink

import (
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"john@example.com", "j***@example.com"},
		{"é@example.com", "é***@example.com"},
		{`"john doe"@example.com`, "j***@example.com"},
		{`"a@b"@example.com`, "a***@example.com"},
		{"john", "j***"},
		{"@", "***@"},
	} {
		if got := (masker{}).address(tt.in); got != tt.want {
			t.Errorf("address(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestProse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"queued as 17", "queued as 17"},
		{"<john@example.com>: unknown", "<j***@example.com>: unknown"},
		{"john@example.com, jane@example.com.", "j***@example.com, j***@example.com."},
		{"john@example.com: unknown", "j***@example.com: unknown"},
		{`"john doe"@example.com is unknown`, "j***@example.com is unknown"},
		{`"x" and "john doe"@example.com`, `"x" and j***@example.com`},
		{`odd "a\" b"@example.com here`, "odd a***@example.com here"},
		{"bounce+john=example.com@list.example", "b***@list.example"},
		{"j***@example.com", "j***@example.com"},
		{"@ @example.com john@ x", "@ @example.com john@ x"},
		{"a@b@c", "a***@b@c"},
		{"jörg@bücher.example", "j***@bücher.example"},
	} {
		if got := (masker{}).prose(tt.in, `"a\" b"@example.com`); got != tt.want {
			t.Errorf("prose(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestHash(t *testing.T) {
	plain, keyed := masker{mode: Hash}, masker{mode: Hash, key: []byte("k")}
	a := plain.address("John@example.com")
	if len(a) != 16 || strings.Contains(a, "@") {
		t.Errorf("hash %q", a)
	}
	if b := plain.address("john@EXAMPLE.com"); a != b {
		t.Errorf("%q and %q for the same address", a, b)
	}
	if b := keyed.address("john@example.com"); a == b {
		t.Error("the key makes no difference")
	}
	if got, want := plain.prose("<john@example.com>: no"), "<"+a+">: no"; got != want {
		t.Errorf("prose = %q, want %q", got, want)
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain", "plain"},
		{"a\r\nb\tc", `a\r\nb\tc`},
		{"\x1b[31m\x7f\x00", `\x1b[31m\x7f\x00`},
		{"\xff", `\xff`},
		{"\u009b\u202e\u2028", `\u{9b}\u{202e}\u{2028}`},
		{"é 漢", "é 漢"},
		{strings.Repeat("x", maxText+1), strings.Repeat("x", maxText) + "…"},
	} {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
