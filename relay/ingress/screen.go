package ingress

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
)

// verdict is what the wire does with a command line.
type verdict struct {
	kind  kind
	reply *smtp.SMTPError // for refuse and hangUp
	size  int64           // of the chunk that follows, for chunk
	last  bool            // of the message, for chunk
}

type kind uint8

const (
	pass     kind = iota // go-smtp's
	hello                // go-smtp's; EHLO
	chunk                // go-smtp's; bytes follow that are no commands
	startTLS             // the wire's
	refuse               // answered by the wire
	hangUp               // answered by the wire, which closes: what follows cannot be told from commands
)

// screen judges a command line before go-smtp sees it. Its reading of BDAT and
// STARTTLS is go-smtp's own or stricter: go-smtp takes all that begins with
// STARTTLS, by Unicode's rules of case, so other letters are refused here.
func screen(line []byte) verdict {
	line = bytes.TrimRight(line, "\r\n")
	verb, args, _ := bytes.Cut(line, []byte{' '})
	if !clean(line) || !ascii(verb) {
		return verdict{kind: refuse, reply: replyCharacters}
	}
	switch name := strings.ToUpper(string(verb)); {
	case name == "EHLO":
		return verdict{kind: hello}
	case name == "STARTTLS" && len(bytes.TrimSpace(args)) == 0:
		return verdict{kind: startTLS}
	case strings.HasPrefix(name, "STARTTLS"):
		return verdict{kind: refuse, reply: replyTLSArgument}
	case strings.HasPrefix(name, "BDAT"):
		return screenChunk(name, strings.Fields(string(args)))
	}
	return verdict{}
}

func screenChunk(name string, args []string) verdict {
	bad := verdict{kind: hangUp, reply: replyChunk}
	if name != "BDAT" || len(args) < 1 || len(args) > 2 {
		return bad
	}
	last := len(args) == 2
	if last && !strings.EqualFold(args[1], "LAST") {
		return bad
	}
	size, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return bad
	}
	return verdict{kind: chunk, size: int64(size), last: last}
}

// clean reports whether a line holds text only.
func clean(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(line)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
