package message

import "encoding/base64"

// base64er encodes any content as base64 (RFC 2045 6.8).
type base64er struct {
	left []byte // less than three bytes
	wrap wrapper
}

func (b *base64er) write(dst, text []byte) []byte {
	if len(b.left) > 0 {
		n := min(3-len(b.left), len(text))
		b.left = append(b.left, text[:n]...)
		if text = text[n:]; len(b.left) < 3 {
			return dst
		}
		dst = b.encode(dst, b.left)
		b.left = b.left[:0]
	}
	whole := len(text) - len(text)%3
	dst = b.encode(dst, text[:whole])
	b.left = append(b.left, text[whole:]...)
	return dst
}

func (b *base64er) encode(dst, text []byte) []byte {
	var group [base64Line]byte
	for len(text) > 0 {
		n := min(len(text), base64Line/4*3)
		base64.StdEncoding.Encode(group[:], text[:n])
		dst = b.wrap.write(dst, group[:base64.StdEncoding.EncodedLen(n)])
		text = text[n:]
	}
	return dst
}

func (b *base64er) end(dst []byte) []byte {
	dst = b.encode(dst, b.left)
	b.left = nil
	return b.wrap.end(dst)
}

// base64Line is the length of a line of base64, in bytes.
const base64Line = maxEncodedLine

// wrapper breaks lines. The last has no line end.
type wrapper struct{ col int }

func (w *wrapper) write(dst, text []byte) []byte {
	for len(text) > 0 {
		if w.col == base64Line {
			dst = append(dst, crlf...)
			w.col = 0
		}
		n := min(len(text), base64Line-w.col)
		dst = append(dst, text[:n]...)
		w.col += n
		text = text[n:]
	}
	return dst
}

func (w *wrapper) end(dst []byte) []byte { return dst }

// rewrapper breaks the lines of base64 text anew. What is no base64 is left
// out, as receivers leave it out (RFC 2045 6.8).
type rewrapper struct{ wrap wrapper }

func (r *rewrapper) write(dst, text []byte) []byte {
	start := 0
	for i, c := range text {
		if !base64Byte(c) {
			dst = r.wrap.write(dst, text[start:i])
			start = i + 1
		}
	}
	return r.wrap.write(dst, text[start:])
}

func (r *rewrapper) end(dst []byte) []byte { return dst }

func base64Byte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '='
}
