package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"relaykeep/relay"
)

// The bounds of a header section. MaxHeader is in bytes; what works on headers
// later (signing) takes time that grows faster than their size.
const (
	MaxHeader       = 256 << 10
	MaxHeaderFields = 5000
	maxFieldName    = 998 // a line of RFC 5322
	firstRead       = 4 << 10
)

// ErrHeaderTooLarge: the header section is over MaxHeader or MaxHeaderFields.
var ErrHeaderTooLarge = errors.New("the header section is too large")

// Header is the header section of a message.
type Header struct {
	raw       []byte // the section, and what was read beyond it
	end       int    // of the section
	fields    []field
	unclosed  bool // text follows without an empty line between
	exhausted bool // the source has ended within raw
}

// field gives the places of a field in Header.raw.
type field struct{ start, colon, end int }

// ReadHeader reads the header section of a message with CRLF line ends. What
// it returns beside reads the whole message from its first byte, the section
// included.
//
// The section ends at an empty line, or at the first line that is no field
// (RFC 5322 2.2): a message may have no header at all. Where text follows
// without an empty line between, that line is put in, so that fields on top
// leave text what it is; see Unclosed. Errors are ErrHeaderTooLarge, and those
// of r.
func ReadHeader(r io.Reader) (*Header, io.Reader, error) {
	h := &Header{raw: make([]byte, 0, firstRead)}
	for {
		n, err := r.Read(h.raw[len(h.raw):cap(h.raw)])
		h.raw = h.raw[:len(h.raw)+n]
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		h.exhausted = err == io.EOF
		done := h.parse()
		if h.end > MaxHeader || len(h.fields) > MaxHeaderFields || !done && len(h.raw) > MaxHeader {
			return nil, nil, ErrHeaderTooLarge
		}
		if done {
			return h, h.replay(r), nil
		}
		if len(h.raw) == cap(h.raw) {
			grown := make([]byte, len(h.raw), 2*cap(h.raw))
			copy(grown, h.raw)
			h.raw = grown
		}
	}
}

// replay reads the section, the line that closes it, and the rest.
func (h *Header) replay(r io.Reader) io.Reader {
	if h.exhausted {
		r = strings.NewReader("")
	}
	if !h.unclosed {
		return io.MultiReader(bytes.NewReader(h.raw), r)
	}
	return io.MultiReader(bytes.NewReader(h.raw[:h.end]), strings.NewReader(crlf), bytes.NewReader(h.raw[h.end:]), r)
}

// parse goes on from h.end with what has been read since. It reports whether
// the section has ended.
func (h *Header) parse() bool {
	for h.end < len(h.raw) && len(h.fields) <= MaxHeaderFields {
		line := h.raw[h.end:]
		n := bytes.IndexByte(line, '\n') + 1
		switch {
		case n > 0:
			line = line[:n]
		case !h.exhausted && len(line) <= maxFieldName:
			return false // more of it may come
		}
		colon := fieldName(line)
		switch {
		case len(bytes.TrimRight(line, crlf)) == 0 && n > 0:
			return true
		case (line[0] == ' ' || line[0] == '\t') && len(h.fields) > 0:
		case colon < 0:
			h.unclosed = true
			return true
		}
		if n == 0 && !h.exhausted {
			return false
		}
		start := h.end
		h.end += len(line)
		if line[0] == ' ' || line[0] == '\t' {
			h.fields[len(h.fields)-1].end = h.end
			continue
		}
		h.fields = append(h.fields, field{start, start + colon, h.end})
	}
	return h.exhausted
}

// fieldName gives the place of the colon after the name of the field that the
// line begins, -1 if it begins none.
func fieldName(line []byte) int {
	colon := bytes.IndexByte(line[:min(len(line), maxFieldName)], ':')
	if colon < 0 {
		return -1
	}
	name := bytes.TrimRight(line[:colon], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return -1
		}
	}
	if len(name) == 0 {
		return -1
	}
	return colon
}

// Values gives the values of all fields of this name, in any case: unfolded,
// without the white space around.
func (h *Header) Values(name string) []string {
	var values []string
	for _, f := range h.fields {
		if h.named(f, name) {
			values = append(values, unfold(h.raw[f.colon+1:f.end]))
		}
	}
	return values
}

// Count is the number of fields of this name.
func (h *Header) Count(name string) int {
	n := 0
	for _, f := range h.fields {
		if h.named(f, name) {
			n++
		}
	}
	return n
}

// Len is the size of the header section in bytes, without the empty line that
// closes it.
func (h *Header) Len() int { return h.end }

// Unclosed reports that text followed the header section without an empty
// line, which was put in.
func (h *Header) Unclosed() bool { return h.unclosed }

// MessageID is the first Message-ID that says something, angle brackets
// included, "" if there is none; control characters are gone and it is cut at a line's length.
func (h *Header) MessageID() string { return printable(h.firstFilled("Message-Id"), maxFieldName) }

// Subject is the first Subject, still encoded; control characters are gone and
// it is cut to relay.MaxSubject bytes between two characters.
func (h *Header) Subject() string { return printable(h.first("Subject"), relay.MaxSubject) }

func (h *Header) first(name string) string {
	for _, f := range h.fields {
		if h.named(f, name) {
			return unfold(h.raw[f.colon+1 : f.end])
		}
	}
	return ""
}

// firstFilled gives the first value of this name that is not empty, "" if there
// is none.
func (h *Header) firstFilled(name string) string {
	for _, f := range h.fields {
		if h.named(f, name) {
			if v := unfold(h.raw[f.colon+1 : f.end]); v != "" {
				return v
			}
		}
	}
	return ""
}

func (h *Header) named(f field, name string) bool {
	got := h.raw[f.start:f.colon]
	return len(got) >= len(name) && asciiEqualFold(got[:len(name)], name) &&
		len(bytes.TrimRight(got[len(name):], " \t")) == 0
}

func asciiEqualFold(b []byte, s string) bool {
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// unfold takes the line ends out of a field's value (RFC 5322 2.2.3).
func unfold(value []byte) string {
	value = bytes.Trim(value, " \t\r\n")
	if bytes.IndexByte(value, '\n') < 0 {
		return string(value)
	}
	return strings.NewReplacer("\r\n", "", "\n", "").Replace(string(value))
}

// printable makes s valid UTF-8 without control characters and cuts it to at
// most n bytes, at the border of a character.
func printable(s string, n int) string {
	cut := len(s) > n
	if cut {
		s = s[:n]
		for i := 1; i < utf8.UTFMax && i < len(s); i++ { // the last character may be cut in two
			if utf8.RuneStart(s[len(s)-i]) {
				if !utf8.FullRuneInString(s[len(s)-i:]) {
					s = s[:len(s)-i]
				}
				break
			}
		}
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
	return s
}
