package smtp

import (
	"bytes"
	"strconv"
	"strings"
)

// extensions are what a server offers in its answer to EHLO.
type extensions struct {
	pipelining, eightBit, utf8, dsn, starttls bool

	size int64    // 0: not offered, or without a limit
	auth []string // mechanisms, in capitals

	hasSize bool
	lines   []string // all of them, for people
}

// maxExtensions bounds what is kept of an EHLO answer.
const maxExtensions = 64

// parseExtensions reads the text of an EHLO answer; its first line is the
// server's name (RFC 5321, section 4.1.1.1).
func parseExtensions(text []byte) extensions {
	var e extensions
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	for line := range bytes.SplitSeq(rest, []byte("\n")) {
		field := strings.Fields(strings.ToUpper(string(line)))
		if len(field) == 0 || len(e.lines) == maxExtensions {
			continue
		}
		e.lines = append(e.lines, strings.Join(field, " "))
		e.add(field[0], field[1:])
	}
	return e
}

func (e *extensions) add(keyword string, params []string) {
	switch keyword {
	case "PIPELINING":
		e.pipelining = true
	case "8BITMIME":
		e.eightBit = true
	case "SMTPUTF8":
		e.utf8 = true
	case "DSN":
		e.dsn = true
	case "STARTTLS":
		e.starttls = true
	case "SIZE":
		e.hasSize = true
		if len(params) > 0 {
			if n, err := strconv.ParseInt(params[0], 10, 64); err == nil && n > 0 {
				e.size = n
			}
		}
	case "AUTH":
		e.auth = append(e.auth, params...)
	default:
		// "AUTH=LOGIN PLAIN" is what servers wrote before RFC 2554.
		if first, ok := strings.CutPrefix(keyword, "AUTH="); ok {
			e.auth = append(append(e.auth, first), params...)
		}
	}
}
