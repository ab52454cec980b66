package classify

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"relaykeep/relay"
)

// printable brings text that strangers chose into one line of at most
// relay.MaxReplyText bytes: line ends become " / ", and what does not print
// (controls, line separators, changes of direction, broken UTF-8) is escaped
// as in Go strings. A text that was cut ends in "…".
func printable(s string) string {
	if len(s) <= relay.MaxReplyText && isPlain(s) {
		return s
	}
	const ellipsis = "…"
	var b strings.Builder
	cut := 0 // the length to cut back to, once there is too much
	s = strings.TrimRight(s, "\r\n")
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		writePrintable(&b, s, r, size)
		s = s[size:]
		if b.Len() > relay.MaxReplyText {
			return b.String()[:cut] + ellipsis
		}
		if b.Len() <= relay.MaxReplyText-len(ellipsis) {
			cut = b.Len()
		}
	}
	return b.String()
}

// writePrintable writes the first rune of s, which is r and size bytes long.
func writePrintable(b *strings.Builder, s string, r rune, size int) {
	switch {
	case r == '\n':
		b.WriteString(" / ")
	case r == '\r' && strings.HasPrefix(s, "\r\n"):
	case r == '\t':
		b.WriteByte(' ')
	case r == utf8.RuneError && size == 1, r < ' ', r == 0x7f:
		fmt.Fprintf(b, `\x%02x`, s[0])
	case unicode.IsPrint(r):
		b.WriteString(s[:size])
	case r > 0xffff:
		fmt.Fprintf(b, `\U%08x`, r)
	default:
		fmt.Fprintf(b, `\u%04x`, r)
	}
}

// isPlain reports whether s is printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// maxMatched bounds what is looked at of a text, in bytes.
const maxMatched = 4096

// folded brings a text into the form that rules are matched against: lower
// case, and a space for each run of white space, since replies are wrapped
// anywhere.
func folded(s string) string {
	if len(s) > maxMatched {
		s = s[:maxMatched]
	}
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}
