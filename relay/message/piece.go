package message

import "bytes"

// piece is a piece of a structured field value (RFC 5322 3.2), to the letter.
type piece struct {
	kind pieceKind
	text []byte
}

type pieceKind uint8

const (
	pieceSpace   pieceKind = iota // white space, folds included
	pieceComment                  // (…), nested ones in it
	pieceAtom                     // whatever is nothing else; dots and bytes beyond ASCII, too
	pieceQuoted                   // "…"
	pieceAngle                    // <…>
	pieceLiteral                  // […]
	pieceMark                     // one of , ; : @ and of ) > ] out of place
)

// takeApart takes a value apart: the texts of the pieces make the value again.
// ok is false where a comment, quoted string, angle bracket or literal is not
// closed: it goes on to the end then.
func takeApart(value []byte) (pieces []piece, ok bool) {
	ok = true
	for len(value) > 0 {
		kind, n := nextPiece(value)
		if n < 0 {
			n, ok = len(value), false
		}
		pieces = append(pieces, piece{kind, value[:n:n]})
		value = value[n:]
	}
	return pieces, ok
}

// nextPiece gives the kind and the length of the first piece of v; the length
// is negative where its end is missing.
func nextPiece(v []byte) (pieceKind, int) {
	switch v[0] {
	case ' ', '\t', '\r', '\n':
		return pieceSpace, run(v, isSpace)
	case '(':
		return pieceComment, closing(v, '(', ')')
	case '"':
		return pieceQuoted, closing(v, 0, '"')
	case '<':
		return pieceAngle, closing(v, 0, '>')
	case '[':
		return pieceLiteral, closing(v, 0, ']')
	case ',', ';', ':', '@', ')', '>', ']':
		return pieceMark, 1
	}
	if word := encodedWord.Find(v); word != nil {
		return pieceAtom, len(word)
	}
	return pieceAtom, run(v, func(c byte) bool {
		return !isSpace(c) && bytes.IndexByte([]byte(`()<>[]:;@,"`), c) < 0
	})
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func run(v []byte, in func(byte) bool) int {
	n := 1
	for n < len(v) && in(v[n]) {
		n++
	}
	return n
}

// closing is the length of what v begins with, up to the byte that closes it;
// -1 where that is missing. A backslash takes the meaning of the next byte,
// and so does a quoted string within angle brackets. opens is what nests; 0 for
// nothing.
func closing(v []byte, opens, closes byte) int {
	depth := 1
	for i := 1; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\':
			i++
		case c == closes:
			if depth--; depth == 0 {
				return i + 1
			}
		case opens != 0 && c == opens:
			depth++
		case c == '"' && closes == '>':
			n := closing(v[i:], 0, '"')
			if n < 0 {
				return -1
			}
			i += n - 1
		}
	}
	return -1
}

// unquoted gives the content of a quoted string, or of text in which a
// backslash quotes the next byte.
func unquoted(t []byte) []byte {
	if len(t) > 1 && t[0] == '"' && t[len(t)-1] == '"' {
		t = t[1 : len(t)-1]
	}
	if bytes.IndexByte(t, '\\') < 0 {
		return t
	}
	out := make([]byte, 0, len(t))
	for i := 0; i < len(t); i++ {
		if t[i] == '\\' && i+1 < len(t) {
			i++
		}
		out = append(out, t[i])
	}
	return out
}
