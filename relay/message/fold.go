package message

import "bytes"

// tooLong reports whether a line of b has more than maxLineLength bytes.
func tooLong(b []byte) bool {
	for len(b) > maxLineLength {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			n = len(b)
		}
		line := b[:n]
		if len(line) > maxLineLength && len(bytes.TrimSuffix(line, []byte{'\r'})) > maxLineLength {
			return true
		}
		b = b[min(n+1, len(b)):]
	}
	return false
}

// fold appends a header field to dst with line ends put in before white space
// where a line would have more than maxLineLength bytes (RFC 5322 2.2.3). ok is
// false where there is no white space in the right place.
func fold(dst, field []byte) (folded []byte, ok bool) {
	for len(field) > 0 {
		n := bytes.IndexByte(field, '\n') + 1
		if n == 0 {
			n = len(field)
		}
		if dst, ok = foldLine(dst, field[:n]); !ok {
			return dst, false
		}
		field = field[n:]
	}
	return dst, true
}

// foldable reports whether fold can mend all lines of a header section.
func foldable(section []byte) bool {
	_, ok := fold(nil, section)
	return ok
}

func foldLine(dst, line []byte) ([]byte, bool) {
	text := bytes.TrimRight(line, crlf)
	end := line[len(text):]
	for len(text) > maxLineLength {
		n := foldAt(text)
		if n < 0 {
			return dst, false
		}
		dst = append(append(dst, text[:n]...), crlf...)
		text = text[n:]
	}
	return append(append(dst, text...), end...), true
}

// foldAt gives the last place in the first maxLineLength bytes of a line where
// it may be folded: behind the colon, before white space that has text on both
// sides, so that no line is white space only. -1: there is none.
func foldAt(line []byte) int {
	first := len(line) - len(bytes.TrimLeft(line, " \t"))
	if first == 0 {
		first = bytes.IndexByte(line, ':')
	}
	last := len(bytes.TrimRight(line, " \t"))
	for n := maxLineLength; n > first; n-- {
		if white(line[n]) && n < last {
			return n
		}
	}
	return -1
}

func white(c byte) bool { return c == ' ' || c == '\t' }
