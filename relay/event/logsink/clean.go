package logsink

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds every text of a line, in bytes before escaping.
const maxText = 4096

// clean makes a text of strangers fit for a line: what is not to be seen is
// written as an escape, and what is too long is cut.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "…"
	}
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case isHidden(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case isHidden(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// isPlain reports whether s is printable ASCII.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isHidden reports whether r is a control, a format character (such as those
// that turn the direction of writing), a line separator or unassigned.
func isHidden(r rune) bool {
	return !unicode.IsPrint(r) && r != ' '
}
