package smtp

import (
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ProtocolError says that what the server sent is not SMTP, or not what may
// come at that point. The connection is closed after it.
type ProtocolError struct {
	Reason string // ours
	Got    string // what came; control characters escaped, at most 200 bytes
}

// Error gives the reason and what came.
func (e *ProtocolError) Error() string {
	if e.Got == "" {
		return "protocol error: " + e.Reason
	}
	return "protocol error: " + e.Reason + ": " + e.Got
}

// Unwrap gives the standard library's type for the same, for those who know
// only that.
func (e *ProtocolError) Unwrap() error { return textproto.ProtocolError(e.Reason) }

// maxGot bounds ProtocolError.Got.
const maxGot = 200

// SecurityError says why the way to the server is not good enough to go on:
// TLS or the login cannot be had as the configuration wants it.
type SecurityError struct{ Reason string }

// Error gives the reason.
func (e *SecurityError) Error() string { return e.Reason }

var errServerClosed = fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)

// errStopped is why a transaction ended whose context has ended.
var errStopped = errors.New("interrupted")

// escape makes text of strangers safe to print on one line: control
// characters, and what is no UTF-8, in the notation of Go; at most limit bytes.
func escape[T string | []byte](text T, limit int) string {
	var b strings.Builder
	for s := string(text); s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		piece := s[:n]
		switch {
		case r == utf8.RuneError && n == 1:
			piece = fmt.Sprintf(`\x%02x`, s[0])
		case r == '\n':
			piece = `\n`
		case r == '\r':
			piece = `\r`
		case !unicode.IsPrint(r):
			piece = fmt.Sprintf(`\u%04x`, r)
		}
		if b.Len()+len(piece) > limit {
			break
		}
		b.WriteString(piece)
		s = s[n:]
	}
	return b.String()
}
