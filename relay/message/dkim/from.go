package dkim

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// fromDomain gives the domain of the first address in the value of a From
// field, in lower case and as A-labels; "" if it has none.
//
// The value need not be well-formed, other than for message.Addresses: programs
// write "Smith, Inc. <a@example.com>" without quotes, every reader shows an
// address there, and DMARC asks for its signature.
func fromDomain(value string) string {
	_, domain, ok := cutLast(firstAddress(value), '@')
	if !ok {
		return ""
	}
	domain = strings.TrimSuffix(unspaced(domain), ".") // RFC 5322 4.4 has white space around dots
	if strings.IndexFunc(domain, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return strings.ToLower(domain)
	}
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return ""
	}
	return domain
}

// firstAddress gives what stands in the first pair of angle brackets, or before
// the first comma, outside of comments, quoted strings and the name of a group
// (RFC 5322 3.4). Of quoted strings nothing is kept but their quotes.
func firstAddress(value string) string {
	var b strings.Builder
	comments, quoted, bracket := 0, false, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && (quoted || comments > 0):
			i++
		case quoted:
			quoted = c != '"'
		case c == '(':
			comments++
		case c == ')':
			comments = max(0, comments-1)
		case comments > 0:
		case c == '"':
			quoted = true
			b.WriteByte(c)
		case c == '<':
			b.Reset()
			bracket = true
		case c == '>' && bracket:
			return b.String()
		case c == ':' && !bracket && strings.IndexByte(b.String(), '@') < 0: // a group begins
			b.Reset()
		case (c == ',' || c == ';') && !bracket:
			if strings.IndexByte(b.String(), '@') >= 0 {
				return b.String()
			}
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func cutLast(s string, c byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, c)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
