package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"relaykeep/relay/message"
)

var (
	errFieldName   = errors.New("it gave a header field a name that none can have")
	errLargeHeader = fmt.Errorf("it made the header section larger than %d bytes", message.MaxHeader)
)

// field is one field of a header section.
type field struct {
	name string
	raw  string // all of it, its last CRLF included; "" once it is taken out
}

// fieldsOf gives the fields of a section.
func fieldsOf(h *message.Header) []field {
	var all []field
	for _, f := range h.Fields() {
		all = append(all, field{f.Name(), string(f.Raw())})
	}
	return all
}

// header is a header section under change. A field that is taken out keeps its
// place until the end: the numbers in what a filter asks for are those of the
// fields that it was shown, as in Sendmail.
type header struct {
	fields []field
	spaced bool // the filter gives values with the white space after the colon
}

// add puts a field at the end.
func (h *header) add(name, value string) error { return h.insert(uint32(len(h.fields)), name, value) }

// insert puts a field after so many others.
func (h *header) insert(after uint32, name, value string) error {
	if !isName(name) {
		return errFieldName
	}
	at := int(min(int64(after), int64(len(h.fields))))
	h.fields = slices.Insert(h.fields, at, h.field(name, value))
	return nil
}

// change gives the field of this name and number, from 1, another value; none
// takes it out. Where there is no such field, it is added. done says what was
// done: "changed", "removed", "added" or, where there was nothing to remove, "".
func (h *header) change(name string, number uint32, value string) (done string, err error) {
	if !isName(name) {
		return "", errFieldName
	}
	for i := range h.fields {
		f := &h.fields[i]
		if !strings.EqualFold(f.name, name) {
			continue
		}
		if number--; number > 0 {
			continue
		}
		if value == "" {
			f.raw = ""
			return "removed", nil
		}
		*f = h.field(f.name, value)
		return "changed", nil
	}
	if value == "" {
		return "", nil
	}
	return "added", h.add(name, value)
}

// maxName bounds the name of a field, which stands on one line with its colon.
const maxName = 900

// isName reports whether a field can have this name (RFC 5322 2.2).
func isName(s string) bool {
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }
	return s != "" && len(s) <= maxName && strings.IndexFunc(s, bad) < 0
}

// field makes a field of a value that a filter gives.
func (h *header) field(name, value string) field {
	colon := ": "
	if h.spaced {
		colon = ":"
	}
	return field{name, name + colon + folded(value) + "\r\n"}
}

// folded gives a value CRLF line ends, each followed by white space and text:
// nothing in it begins another field or ends the section.
func folded(v string) string {
	lines := strings.FieldsFunc(v, func(r rune) bool { return r == '\r' || r == '\n' })
	var b strings.Builder
	for i, line := range lines {
		if strings.Trim(line, " \t") == "" && i > 0 {
			continue
		}
		if i > 0 {
			b.WriteString("\r\n")
			if line[0] != ' ' && line[0] != '\t' {
				b.WriteByte('\t')
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// shown is the value of a field as a filter is shown it: with LF in its folds,
// as filters expect it, and without NUL, which ends a string in the protocol.
func (h *header) shown(f field) string {
	_, v, _ := strings.Cut(strings.TrimSuffix(f.raw, "\r\n"), ":")
	v = strings.ReplaceAll(v, "\r\n", "\n")
	v = strings.ReplaceAll(v, "\x00", "")
	if !h.spaced {
		v = strings.TrimPrefix(v, " ")
	}
	return v
}

// end gives the fields that are left.
func (h *header) end() ([]field, error) {
	left, size := h.fields[:0], 0
	for _, f := range h.fields {
		if f.raw == "" {
			continue
		}
		left = append(left, f)
		size += len(f.raw)
	}
	if size > message.MaxHeader || len(left) > message.MaxHeaderFields {
		return nil, errLargeHeader
	}
	return left, nil
}
