package main

import "testing"

func TestShortenAddress(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"bob@example.net", 15, "bob@example.net"},
		{"roberta.long@example.net", 20, "roberta…@example.net"},
		{"roberta.long@example.net (+2)", 25, "roberta…@example.net (+2)"},
		{"bob@department.example.net", 12, "bob@departm…"},
		{"no address at all", 5, "no a…"},
	} {
		got := shortenAddress(tt.in, tt.width)
		if got != tt.want || cells(got) > tt.width {
			t.Errorf("%q in %d: %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}
