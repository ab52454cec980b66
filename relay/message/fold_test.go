package message

import (
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct{ name, in, want string }{
		{"short", "A: b\r\n c\r\n", "A: b\r\n c\r\n"},
		{"just short enough", "A: " + x(995) + "\r\n", "A: " + x(995) + "\r\n"},
		{"at the last space", "A: b " + x(900) + " " + x(200) + "\r\n", "A: b " + x(900) + "\r\n " + x(200) + "\r\n"},
		{"behind the colon", "A: " + x(996) + "\r\n", "A:\r\n " + x(996) + "\r\n"},
		{"not before the colon", "A :" + x(996) + "\r\n", ""},
		{"no space", "A:" + x(997) + "\r\n", ""},
		{"a second line", "A: b\r\n\t" + x(500) + "\t" + x(500) + "\r\n", "A: b\r\n\t" + x(500) + "\r\n\t" + x(500) + "\r\n"},
		{"nothing but white space behind", "A: " + x(900) + strings.Repeat(" ", 200) + "\r\n", ""},
	}
	for _, tt := range tests {
		got, ok := fold(nil, []byte(tt.in))
		if ok != (tt.want != "") || ok && string(got) != tt.want {
			t.Errorf("%s: got %v, %q", tt.name, ok, got)
		}
	}
}
