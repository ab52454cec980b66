package main

import (
	"strings"
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Second:                "0s",
		0:                           "0s",
		59*time.Second + 999*1e6:    "59s",
		time.Minute:                 "1m",
		59*time.Minute + 59*1e9:     "59m",
		time.Hour:                   "1h00m",
		9*time.Hour + 5*time.Minute: "9h05m",
		10 * time.Hour:              "10h",
		47 * time.Hour:              "47h",
		2 * day:                     "2d00h",
		5*day - time.Minute:         "4d23h",
		400 * day:                   "400d",
	} {
		if got := age(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 10_000: "9.8 KiB", 10_200: "10 KiB",
		1<<20 - 1: "1.0 MiB", 20 << 30: "20 GiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain ü 日本":             "plain ü 日本",
		"\x1b[31mred\x07":        `\x1b[31mred\a`,
		"a\r\nb\tc":              `a\r\nb\tc`,
		"\xff\x00":               `\xff\x00`,
		"\u202egnp.exe":          `\u202egnp.exe`,
		"\u0085\u200b\U000e0001": `\u0085\u200b\U000e0001`,
		"\ufffd":                 "\ufffd",
		`back\slash "quote"`:     `back\slash "quote"`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"x", 1, "x"},
		{"xy", 1, "…"},
	} {
		if got := shorten(tt.in, tt.width); got != tt.want {
			t.Errorf("%q in %d: got %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		in         string
		width      int
		part, rest string
	}{
		{"all of it", 20, "all of it", ""},
		{"one two three", 8, "one two", "three"},
		{"one two three", 7, "one two", "three"},
		{"unbreakable", 5, "unbre", "akable"},
		{"a unbreakable", 5, "a", "unbreakable"},
	} {
		part, rest := split(tt.in, tt.width)
		if part != tt.part || rest != tt.rest {
			t.Errorf("%q in %d: got %q and %q", tt.in, tt.width, part, rest)
		}
	}
}

// However hostile, text comes out printable, in the width it is given, and
// nothing of it is lost by splitting.
func FuzzTerminal(f *testing.F) {
	for _, s := range []string{"a b c", "\x1b]0;x\a", "日本語 e\u0301 🙂", "\xff\xfe", strings.Repeat("x", 100)} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = max(2, width%200)
		s = oneLine(s)
		if printable(s) != s {
			t.Fatalf("%q is not printable: %q", s, printable(s))
		}
		if got := shorten(s, width); cells(got) > width {
			t.Fatalf("%q takes %d of %d", got, cells(got), width)
		}
		rest, all := s, strings.Builder{}
		for rest != "" {
			var part string
			if part, rest = split(rest, width); cells(part) > width {
				t.Fatalf("%q takes %d of %d", part, cells(part), width)
			}
			all.WriteString(part)
		}
		if strings.ReplaceAll(all.String(), " ", "") != strings.ReplaceAll(s, " ", "") {
			t.Fatalf("%q becomes %q", s, all.String())
		}
	})
}
