package bounce

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// asciiLine makes s one line of printable ASCII of at most n bytes (at least
// 3): white space runs become one blank, all else is escaped as in Go source.
func asciiLine(s string, n int) string {
	return escape(s, n, func(r rune) bool { return r > ' ' && r < 0x7f })
}

// textLine makes s one line of printable Unicode of at most n bytes (at least
// 3). What would turn the direction of a text, or hide in it, is escaped.
func textLine(s string, n int) string {
	return escape(s, n, func(r rune) bool { return r != utf8.RuneError && unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

func escape(s string, n int, plain func(rune) bool) string {
	const more = "..."
	if len(s) <= n && isASCII(s) && !strings.Contains(s, "  ") {
		return strings.Trim(s, " ")
	}
	var b strings.Builder
	cut := 0 // where more may stand
	blank := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			blank = b.Len() > 0
			continue
		}
		before := b.Len()
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		if plain(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		if b.Len() > n {
			return b.String()[:cut] + more
		}
		if before <= n-len(more) {
			cut = before
		}
	}
	return b.String()
}

// xtext makes s printable ASCII without blanks the way RFC 3461 4 does.
func xtext(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c > ' ' && c < 0x7f && c != '+' && c != '=' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'+', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// isASCII reports whether s holds nothing but printable ASCII and blanks.
func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isText reports whether s is valid UTF-8 without control characters.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}

// The lengths of lines, in bytes without CRLF (RFC 5322 2.1.1).
const (
	softLine = 76
	hardLine = 990
)

// field gives a header field with its CRLF, folded at blanks. The value is one
// line; a word that no line has room for is cut in two.
func field(name, value string) []byte {
	b := append([]byte(name), ':')
	line := len(b)
	for value = " " + strings.TrimSpace(value); value != ""; {
		blanks := len(value) - len(strings.TrimLeft(value, " "))
		n := len(value) // a word, and the blanks before it
		if end := strings.IndexByte(value[blanks:], ' '); end > 0 {
			n = blanks + end
		}
		if line+n > softLine && line > len(name)+1 {
			b = append(b, "\r\n"...)
			line = 0
		}
		if most := hardLine - line; n > most {
			n = wholeRunes(value, most)
		}
		b = append(b, value[:n]...)
		line += n
		if value = value[n:]; value != "" && value[0] != ' ' {
			value = " " + value
			b = append(b, "\r\n"...)
			line = 0
		}
	}
	return append(b, "\r\n"...)
}

// firstWords cuts s to at most n bytes, at a blank where there is one, so that
// no encoded word is cut in two.
func firstWords(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if end := strings.LastIndexByte(s[:n+1], ' '); end > 0 {
		return s[:end]
	}
	return s[:n]
}

// wholeRunes is the greatest number of bytes up to n that does not cut a
// character in two.
func wholeRunes(s string, n int) int {
	for n > 1 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}
