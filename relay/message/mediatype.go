package message

import "strings"

// mediaType is what a Content-Type field says (RFC 2045 5.1), as far as the
// structure of a message hangs on it.
type mediaType struct {
	major, minor string // lower case; "text" and "plain" where the field says nothing that can be read
	boundary     string // "" if there is none that can be used
	unclear      bool   // something follows that is no parameter
}

// plain reports whether the names are such as are registered (RFC 6838 4.2).
// Receivers differ in what they make of others.
func (m mediaType) plain() bool {
	for _, name := range []string{m.major, m.minor} {
		for i := range len(name) {
			c := name[i]
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&-^_.+", c) >= 0) {
				return false
			}
		}
	}
	return true
}

// composite reports whether what is of this type has parts, or is a message
// (RFC 2046 5).
func (m mediaType) composite() bool { return m.major == "multipart" || m.major == "message" }

// String gives the type as it may be shown to people.
func (m mediaType) String() string {
	if !m.plain() {
		return "unknown"
	}
	name := m.major + "/" + m.minor
	return name[:min(len(name), maxTypeName)]
}

// maxTypeName is the longest name of a type (RFC 6838 4.2), in bytes.
const maxTypeName = 127

// maxBoundary is the length of a boundary, in bytes (RFC 2046 5.1.1).
const maxBoundary = 70

// parseMediaType reads the value of a Content-Type field, unfolded. What is no
// type at all counts as text/plain (RFC 2045 5.2).
func parseMediaType(value string) mediaType {
	value = skipComments(value)
	name, rest := cutToken(value)
	minor := ""
	if strings.HasPrefix(rest, "/") {
		minor, rest = cutToken(rest[1:])
	}
	if name == "" || minor == "" {
		return mediaType{major: "text", minor: "plain"}
	}
	rest = skipComments(rest)
	return mediaType{
		unclear:  rest != "" && rest[0] != ';',
		major:    strings.ToLower(name),
		minor:    strings.ToLower(minor),
		boundary: boundaryOf(rest),
	}
}

// boundaryOf finds the boundary among parameters. One in the form of RFC 2231
// is not used: few receivers read it.
func boundaryOf(params string) string {
	for {
		semicolon := strings.IndexByte(params, ';')
		if semicolon < 0 {
			return ""
		}
		var name, value string
		name, params = cutToken(skipComments(params[semicolon+1:]))
		params = skipComments(params)
		if !strings.HasPrefix(params, "=") {
			continue
		}
		value, params = cutValue(skipComments(params[1:]))
		if strings.EqualFold(name, "boundary") {
			return usableBoundary(value)
		}
	}
}

// usableBoundary gives the boundary, "" if it breaks RFC 2046 5.1.1: receivers
// differ in what they make of such a one.
func usableBoundary(s string) string {
	s = strings.TrimRight(s, " \t")
	if len(s) > maxBoundary {
		return ""
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return ""
		}
	}
	return s
}

// cutToken cuts off what stands before white space and the separators of
// parameters.
func cutToken(s string) (token, rest string) {
	i := strings.IndexAny(s, " \t;=/(\"\r\n")
	if i < 0 {
		i = len(s)
	}
	return s[:i], s[i:]
}

// cutValue cuts off a token or a quoted string, which is unquoted.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, " \t;(\r\n")
		if i < 0 {
			i = len(s)
		}
		return s[:i], s[i:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			if i++; i == len(s) {
				return b.String(), ""
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// skipComments takes white space and comments off the front.
func skipComments(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		if !strings.HasPrefix(s, "(") {
			return s
		}
		depth, i := 0, 0
		for ; i < len(s); i++ {
			switch s[i] {
			case '(':
				depth++
			case ')':
				depth--
			case '\\':
				i++
			}
			if depth == 0 {
				break
			}
		}
		s = s[min(i+1, len(s)):]
	}
}
