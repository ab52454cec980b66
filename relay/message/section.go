package message

import (
	"bytes"
	"strings"
)

// Field is one field of a header section, as it stands.
type Field struct {
	Name string // without the white space that may stand between it and the colon
	Raw  string // all of it, line ends included, the last one too
}

// NewField makes a field. The value stands right after the colon: it begins
// with the white space there, if there is to be some, and may be folded.
func NewField(name, value string) Field { return Field{name, name + ":" + value + crlf} }

// Value is what stands after the colon, to the letter, without the line end.
func (f Field) Value() string {
	_, value, _ := strings.Cut(f.Raw, ":")
	return strings.TrimRight(value, crlf)
}

// Fields gives the fields in their order.
func (h *Header) Fields() []Field {
	fields := make([]Field, 0, len(h.fields))
	for _, f := range h.fields {
		fields = append(fields, Field{
			Name: string(bytes.TrimRight(h.raw[f.start:f.colon], " \t")),
			Raw:  string(h.raw[f.start:f.end]),
		})
	}
	return fields
}

// Len is the length of the section in bytes, without the empty line after it.
func (h *Header) Len() int { return h.end }
