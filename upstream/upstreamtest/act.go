package upstreamtest

import (
	"slices"
	"strings"
)

// Stage is a place in the dialogue where a script may act.
type Stage string

// The stages. Body is reached when 354 has been sent and the content is about
// to be read, Dot when the final dot has been read.
const (
	Greeting Stage = "greeting"
	Hello    Stage = "hello"
	StartTLS Stage = "starttls"
	Auth     Stage = "auth" // the AUTH command; a reply other than 334 ends the exchange
	Mail     Stage = "mail"
	Rcpt     Stage = "rcpt"
	Data     Stage = "data"
	Body     Stage = "body"
	Dot      Stage = "dot"
	Rset     Stage = "rset"
	Quit     Stage = "quit"
)

// Step is what a script may look at.
type Step struct {
	Stage   Stage
	Session int    // the number of the connection, from 1
	N       int    // how often the stage was reached since its script was set, from 1
	Line    string // the command as it came, without CRLF; "" where there is none
	Address string // of Mail and Rcpt: what stands between the angle brackets
}

// Script says what happens at a stage. The zero Act is the usual answer. It is
// called from the goroutine of the session, so several calls may run at once.
type Script func(Step) Act

// Always does a each time.
func Always(a Act) Script { return func(Step) Act { return a } }

// Times does a the first n times, then the usual.
func Times(n int, a Act) Script {
	return func(s Step) Act {
		if s.N <= n {
			return a
		}
		return Act{}
	}
}

// Nth does a the n-th time only, counted from 1.
func Nth(n int, a Act) Script {
	return func(s Step) Act {
		if s.N == n {
			return a
		}
		return Act{}
	}
}

// ByAddress does what m says of an address, and the usual for all others.
func ByAddress(m map[string]Act) Script { return func(s Step) Act { return m[s.Address] } }

// Act is what the server does instead of the usual. The zero Act is the usual.
// Acts are values: each method returns a changed copy.
type Act struct {
	send   []byte
	stall  bool
	end    ending
	record bool
	after  int64
}

type ending uint8

const (
	goOn ending = iota
	closeIt
	resetIt
)

// Reply sends these lines, each with a CRLF, and goes on as their code says:
// Reply("450 4.2.1 come back later"), Reply("550-5.1.1 no", "550 5.1.1 never").
func Reply(lines ...string) Act {
	return Act{send: []byte(strings.Join(lines, "\r\n") + "\r\n")}
}

// Raw sends b as it is, and goes on as the code at its beginning says. A code
// of 220 at StartTLS starts the handshake, after whatever else is in b.
func Raw(b []byte) Act { return Act{send: slices.Clone(b)} }

// Drop closes the connection without a word.
func Drop() Act { return Act{end: closeIt} }

// Reset closes the connection with a TCP reset.
func Reset() Act { return Act{end: resetIt} }

// Stall neither reads nor answers until Server.Release or Close, then does
// the usual.
func Stall() Act { return Act{stall: true} }

// ThenDrop closes the connection when the rest of a has been done.
func (a Act) ThenDrop() Act { a.end = closeIt; return a }

// Stalled waits for Server.Release or Close before the rest of a is done.
func (a Act) Stalled() Act { a.stall = true; return a }

// After puts off an act at Body until n bytes of the content (as they are on
// the wire) or all of it have been read. A reply sent at Body answers the
// message before its end: the rest is read and thrown away.
func (a Act) After(n int64) Act { a.after = n; return a }

// Recorded records the message at Dot whatever is answered: the provider has
// taken it, though its client may never hear of it.
func (a Act) Recorded() Act { a.record = true; return a }

// usual reports whether a leaves the answer to the server.
func (a Act) usual() bool { return a.send == nil && a.end == goOn }

// code is the reply code that a sends, 0 where there is none.
func code(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	n := 0
	for _, d := range b[:3] {
		if d < '0' || d > '9' {
			return 0
		}
		n = n*10 + int(d-'0')
	}
	return n
}
