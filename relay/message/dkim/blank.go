package dkim

import (
	"fmt"
	"io"
)

// maxBlank bounds the line ends in a row within a text, in bytes: a
// canonicalizer keeps them in memory, for nobody knows yet whether they end the
// text and do not count (RFC 6376 3.4.4).
const maxBlank = 64 << 10

// blankGuard hands a text on to a canonicalizer, but no more than maxBlank of
// line ends in a row. If those were not the end of the text, there is an error
// that matches ErrUnsignable.
type blankGuard struct {
	to    io.Writer
	blank int
}

// Write implements io.Writer.
func (g *blankGuard) Write(p []byte) (int, error) {
	pass := len(p)
	for i, c := range p {
		switch {
		case c == '\r' || c == '\n':
			g.blank++
		case c == ' ' || c == '\t': // at the end of a line they do not count either
		case g.blank > maxBlank:
			return 0, fmt.Errorf("%w: it has more than %d empty lines in a row", ErrUnsignable, maxBlank/len(crlf))
		default:
			g.blank = 0
		}
		if g.blank > maxBlank {
			pass = min(pass, i)
		}
	}
	if pass > 0 { // a pipe hands on an empty write, too, which its reader takes for no progress
		if _, err := g.to.Write(p[:pass]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
