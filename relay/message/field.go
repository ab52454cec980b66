package message

import (
	"bytes"
	"io"
)

// Field is one field of a header section, to the letter.
type Field struct {
	raw   []byte // CRLF ended
	colon int
}

// NewField makes a field of a name and a value; the value is one line, or
// folded. The caller sees to it that both are well-formed.
func NewField(name, value string) Field {
	return Field{[]byte(name + ": " + value + crlf), len(name)}
}

// Raw gives the field as it stands, its CRLF included. It must not be changed.
func (f Field) Raw() []byte { return f.raw }

// Name gives the name of the field as it is written.
func (f Field) Name() string { return string(bytes.TrimRight(f.raw[:f.colon], " \t")) }

// Is reports whether the field has this name, in any case.
func (f Field) Is(name string) bool {
	got := f.raw[:f.colon]
	return len(got) >= len(name) && asciiEqualFold(got[:len(name)], name) &&
		len(bytes.TrimRight(got[len(name):], " \t")) == 0
}

// value is what stands behind the colon, folded, without the CRLF at its end.
func (f Field) value() []byte { return bytes.TrimSuffix(f.raw[f.colon+1:], []byte(crlf)) }

// withValue gives a field of the same name with another value. A blank before
// the colon, which RFC 822 allowed, goes: many receivers find no field there.
func (f Field) withValue(v []byte) Field {
	name := bytes.TrimRight(f.raw[:f.colon], " \t")
	raw := make([]byte, 0, len(name)+1+len(v)+len(crlf))
	raw = append(append(append(append(raw, name...), ':'), v...), crlf...)
	return Field{raw, len(name)}
}

// Fields gives the fields of the section in order. They share the memory of h,
// which they keep alive.
func (h *Header) Fields() []Field {
	fields := make([]Field, len(h.fields))
	for i, f := range h.fields {
		raw := h.raw[f.start:f.end:f.end]
		if !bytes.HasSuffix(raw, []byte(crlf)) { // at the end of a text that has no last line end
			raw = append(bytes.TrimRight(raw, crlf), crlf...)
		}
		fields[i] = Field{raw, f.colon - f.start}
	}
	return fields
}

// Text is the place in the message, in bytes from its beginning, at which the
// text begins: behind the section and the line that closes it.
func (h *Header) Text() int64 {
	n := h.end
	if h.unclosed {
		return int64(n)
	}
	if line := bytes.IndexByte(h.raw[n:], '\n'); line >= 0 {
		n += line + 1
	}
	return int64(n)
}

// Without reads the message of h, which whole gives from its first byte, less
// the fields that drop chooses.
func (h *Header) Without(whole io.Reader, drop func(Field) bool) (io.Reader, error) {
	var kept []byte
	for _, f := range h.Fields() {
		if !drop(f) {
			kept = append(kept, f.Raw()...)
		}
	}
	if _, err := io.CopyN(io.Discard, whole, int64(h.end)); err != nil {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(kept), whole), nil
}

// Skip reads the section and the line that closes it from what ReadHeader gave
// beside h, so that the text is next.
func (h *Header) Skip(whole io.Reader) error {
	n := h.Text()
	if h.unclosed {
		n += int64(len(crlf))
	}
	_, err := io.CopyN(io.Discard, whole, n)
	return err
}
