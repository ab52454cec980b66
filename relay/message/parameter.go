package message

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSegment is how long the encoded value of a parameter gets on one line.
const maxSegment = 50

// parameters adds a value and its parameters. Those that are not ASCII are
// written as of RFC 2231, a long one in numbered pieces.
func (w *folder) parameters(v []byte) {
	for i, p := range splitParameters(v) {
		if i > 0 {
			w.mark([]byte{';'})
		}
		if isASCII(p) {
			list, rest := splitWords(p, false)
			w.words(list)
			w.gap(rest)
			continue
		}
		name, value, ok := bytes.Cut(p, []byte{'='})
		if i == 0 || !ok || !isASCII(name) {
			w.trace(p)
			continue
		}
		w.parameter(strings.Trim(string(name), " \t\r\n"), value)
	}
	w.end(nil)
}

// splitParameters cuts at the semicolons outside of quoted strings and
// comments.
func splitParameters(v []byte) [][]byte {
	var parts [][]byte
	start := 0
	for i := 0; i < len(v); i++ {
		var n int
		switch v[i] {
		case ';':
			parts = append(parts, v[start:i])
			start = i + 1
			continue
		case '"':
			n = closing(v[i:], 0, '"')
		case '(':
			n = closing(v[i:], '(', ')')
		default:
			continue
		}
		if n > 0 { // else a stray quote: go on behind it
			i += n - 1
		}
	}
	return append(parts, v[start:])
}

// parameter adds one whose value is not ASCII.
func (w *folder) parameter(name string, value []byte) {
	value = valueOf(value)
	if extended := strings.HasSuffix(name, "*"); extended { // said to be encoded already: only its bytes are wrong
		w.segment(name, inHex(value, '%'))
		return
	}
	start := charsetOf(value) + "''"
	if base, number, ok := cutLast(name, '*'); ok && isNumber(number) { // a piece of one
		if number != "0" {
			start = ""
		}
		w.segment(base+"*"+number+"*", append([]byte(start), percent(value)...))
		return
	}
	whole := append([]byte(start), percent(value)...)
	if len(whole) <= maxSegment {
		w.segment(name+"*", whole)
		return
	}
	for i := 0; len(whole) > 0; i++ {
		n := cutPercent(whole, maxSegment)
		w.segment(name+"*"+strconv.Itoa(i)+"*", whole[:n])
		if whole = whole[n:]; len(whole) > 0 {
			w.mark([]byte{';'})
		}
	}
}

func (w *folder) segment(name string, value []byte) {
	w.gap([]byte{' '})
	w.text(append([]byte(name+"="), value...))
}

// valueOf takes the quotes, and comments behind them, off a value.
func valueOf(v []byte) []byte {
	v = trimGap(v)
	if len(v) > 0 && v[0] == '"' {
		if n := closing(v, 0, '"'); n > 0 {
			return unfolded(unquoted(v[:n]))
		}
		v = v[1:]
	}
	return unfolded(unquoted(v))
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// percent encodes as RFC 2231 7 wants it: what is no attribute-char.
func percent(value []byte) []byte {
	out := make([]byte, 0, 3*len(value))
	for _, c := range value {
		if c <= ' ' || c >= utf8.RuneSelf-1 || bytes.IndexByte([]byte(`*'%()<>@,;:\"/[]?=`), c) >= 0 {
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		out = append(out, c)
	}
	return out
}

// cutPercent is the place up to n at which encoded text may be cut: in no
// escape, and not before the rest of a character.
func cutPercent(b []byte, n int) int {
	if n >= len(b) {
		return len(b)
	}
	i := n
	for ; i > n-len("%F0%9F%98%80"); i-- {
		if insideEscape(b, i) || isContinuation(b, i) {
			continue
		}
		return i
	}
	for i = n; insideEscape(b, i); i-- { // no UTF-8: bytes
	}
	return i
}

func insideEscape(b []byte, i int) bool { return b[i-1] == '%' || b[i-2] == '%' }

// isContinuation reports whether the escape at i is of the second or a later
// byte of a character: 10xxxxxx.
func isContinuation(b []byte, i int) bool {
	return b[i] == '%' && i+1 < len(b) && strings.IndexByte("89AB", b[i+1]) >= 0
}
