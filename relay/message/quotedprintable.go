package message

import "bytes"

// maxEncodedLine is the length of a line of encoded text without its end
// (RFC 2045 6.7, 6.8).
const maxEncodedLine = 76

// maxSpaces bounds a run of white space that is held back.
const maxSpaces = 900

// quoter encodes text with CRLF line ends as quoted-printable (RFC 2045 6.7).
// A hyphen at the beginning of a line is encoded, so that no line of the
// result can be a delimiter.
type quoter struct {
	col    int
	spaces []byte // white space that may end the line
	keep   bool   // white space at the end of a line stays as it is
	cr     bool
}

func (q *quoter) write(dst, text []byte) []byte {
	for _, c := range text {
		if q.cr {
			q.cr = false
			if c == '\n' {
				dst = q.endLine(dst)
				continue
			}
			dst = q.escape(q.literalSpaces(dst), '\r')
		}
		switch {
		case c == '\r':
			q.cr = true
		case white(c):
			if len(q.spaces) == maxSpaces {
				dst = q.literalSpaces(dst)
			}
			q.spaces = append(q.spaces, c)
		case c == '=' || c < ' ' || c > '~':
			dst = q.escape(q.literalSpaces(dst), c)
		default:
			dst = q.literal(q.literalSpaces(dst), c)
		}
	}
	return dst
}

// endLine ends a line of the text. White space would be lost at its end.
func (q *quoter) endLine(dst []byte) []byte {
	dst = append(q.endSpaces(dst), crlf...)
	q.col = 0
	return dst
}

func (q *quoter) endSpaces(dst []byte) []byte {
	n := len(q.spaces)
	switch {
	case n == 0:
	case q.keep:
		dst = append(dst, q.spaces...)
		q.spaces = q.spaces[:0]
	default:
		last := q.spaces[n-1]
		q.spaces = q.spaces[:n-1]
		dst = q.escape(q.literalSpaces(dst), last)
	}
	return dst
}

func (q *quoter) literalSpaces(dst []byte) []byte {
	for _, c := range q.spaces {
		dst = q.literal(dst, c)
	}
	q.spaces = q.spaces[:0]
	return dst
}

func (q *quoter) literal(dst []byte, c byte) []byte {
	dst = q.room(dst, 1)
	if c == '-' && q.col == 0 {
		return q.escape(dst, c)
	}
	q.col++
	return append(dst, c)
}

func (q *quoter) escape(dst []byte, c byte) []byte {
	dst = q.room(dst, 3)
	q.col += 3
	return append(dst, '=', upperHex[c>>4], upperHex[c&15])
}

// room breaks the line where n bytes and the = of a soft line end have no
// place in it.
func (q *quoter) room(dst []byte, n int) []byte {
	if q.col+n < maxEncodedLine {
		return dst
	}
	q.col = 0
	return append(dst, "=\r\n"...)
}

func (q *quoter) end(dst []byte) []byte {
	if q.cr {
		q.cr = false
		dst = q.escape(q.literalSpaces(dst), '\r')
	}
	return q.endSpaces(dst)
}

// requoter breaks the lines of quoted-printable text that are too long, and
// encodes what should have been encoded. What the text stands for stays what
// it was.
type requoter struct {
	quoter
	held []byte // an = and what follows it, not judged yet
}

func (r *requoter) write(dst, text []byte) []byte {
	for len(text) > 0 {
		if len(r.held) > 0 {
			r.held = append(r.held, text[0])
			text = text[1:]
			dst = r.judge(dst)
			continue
		}
		n := bytes.IndexByte(text, '=')
		if n < 0 {
			return r.quoter.write(dst, text)
		}
		dst = r.quoter.write(dst, text[:n])
		r.held = append(r.held, '=')
		text = text[n+1:]
	}
	return dst
}

// judge finds out what an = begins: a byte in hexadecimal digits, a soft line
// end with or without white space before it, or what is not allowed and which
// receivers take as it is.
func (r *requoter) judge(dst []byte) []byte {
	after := r.held[1:]
	c := after[len(after)-1]
	switch {
	case hex(after[0]) && len(after) == 1:
		return dst
	case hex(after[0]) && hex(c):
		dst = r.room(r.literalSpaces(dst), len(r.held))
		r.col += len(r.held)
		dst = append(dst, r.held...)
		r.held = r.held[:0]
		return dst
	case hex(after[0]):
	case c == '\n':
		dst = append(r.literalSpaces(dst), r.held...)
		r.col, r.held = 0, r.held[:0]
		return dst
	case (white(c) || c == '\r') && len(r.held) < maxSpaces:
		return dst
	}
	return r.giveUp(dst)
}

// giveUp takes the = that is held for text.
func (r *requoter) giveUp(dst []byte) []byte {
	after := r.held[1:]
	r.held = nil
	dst = r.quoter.write(dst, []byte{'='})
	return r.write(dst, after)
}

func (r *requoter) end(dst []byte) []byte {
	for len(r.held) > 0 {
		dst = r.giveUp(dst)
	}
	return r.quoter.end(dst)
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}
