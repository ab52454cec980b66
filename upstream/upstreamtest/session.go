package upstreamtest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"strings"
)

// maxLine bounds a command line; a longer one ends the session.
const maxLine = 64 << 10

// errEnd ends a session: the script wanted it, or the dialogue is over.
var errEnd = errors.New("session ended")

// session is one connection. A method that returns an error ends it.
type session struct {
	srv *Server
	n   int
	raw net.Conn
	br  *bufio.Reader
	bw  *bufio.Writer

	tls   bool
	hello string
	user  string
	mail  *Message // the transaction under way
	buf   []byte   // for the content, reused
}

func newSession(srv *Server, nc net.Conn, n int) *session {
	s := &session{srv: srv, n: n, raw: nc}
	s.speakThrough(nc)
	return s
}

func (s *session) speakThrough(nc net.Conn) {
	s.br = bufio.NewReaderSize(nc, maxLine)
	s.bw = bufio.NewWriter(nc)
}

func (s *session) serve() {
	defer func() { s.bw.Flush() }() // the writer changes with STARTTLS
	if s.srv.o.Implicit && s.handshake() != nil {
		return
	}
	if code, err := s.answer(Step{Stage: Greeting}, "220 "+s.srv.o.Hostname+" ESMTP"); err != nil || code/100 != 2 {
		return
	}
	for {
		line, err := s.readLine()
		if err != nil || s.command(line) != nil {
			return
		}
	}
}

// answer says what the script of a stage wants, or else the usual, and returns
// the code that was said.
func (s *session) answer(step Step, usual string) (int, error) {
	act, release := s.act(step)
	return s.perform(act, release, usual)
}

// act asks the script and counts the stage as reached; before a stall all that
// was answered so far is on its way.
func (s *session) act(step Step) (Act, <-chan struct{}) {
	step.Session = s.n
	act, release := s.srv.act(step)
	if act.stall {
		s.bw.Flush()
	}
	s.srv.rec.change(func() { s.srv.rec.reached[step.Stage]++ })
	return act, release
}

func (s *session) perform(act Act, release <-chan struct{}, usual string) (int, error) {
	if act.stall {
		select {
		case <-release:
		case <-s.srv.done:
			return 0, errEnd
		}
	}
	said := act.send
	if act.usual() {
		said = append([]byte(usual), "\r\n"...)
	}
	s.bw.Write(said)
	switch act.end {
	case closeIt:
		return 0, errEnd
	case resetIt:
		s.bw.Flush()
		if tc, ok := s.raw.(*net.TCPConn); ok {
			tc.SetLinger(0)
		}
		s.raw.Close()
		return 0, errEnd
	}
	return code(said), nil
}

// say answers outside of every script.
func (s *session) say(line string) error {
	_, err := s.bw.WriteString(line + "\r\n")
	return err
}

// readLine reads a command, first handing over what waits to be written where
// nothing more has come (RFC 2920 wants replies to a group sent together).
func (s *session) readLine() (string, error) {
	if s.br.Buffered() == 0 {
		if err := s.bw.Flush(); err != nil {
			return "", err
		}
	}
	b, err := s.br.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(string(b), "\r\n")
	if !s.srv.o.Light {
		s.srv.rec.change(func() {
			s.srv.rec.commands = append(s.srv.rec.commands, Command{Session: s.n, TLS: s.tls, Line: line})
		})
	}
	return line, nil
}

func (s *session) command(line string) error {
	verb, args, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		return s.ehlo(verb, args, line)
	case "STARTTLS":
		return s.starttls(line)
	case "AUTH":
		return s.auth(args, line)
	case "MAIL":
		return s.mailFrom(args, line)
	case "RCPT":
		return s.rcptTo(args, line)
	case "DATA":
		return s.data(line)
	case "RSET":
		s.mail = nil
		_, err := s.answer(Step{Stage: Rset, Line: line}, "250 2.0.0 Ok")
		return err
	case "NOOP":
		return s.say("250 2.0.0 Ok")
	case "QUIT":
		if code, err := s.answer(Step{Stage: Quit, Line: line}, "221 2.0.0 Bye"); err != nil || code == 221 {
			return errEnd
		}
		return nil
	}
	return s.say("500 5.5.2 Command unknown")
}

func (s *session) ehlo(verb, name, line string) error {
	s.mail = nil
	lines := []string{s.srv.o.Hostname}
	if strings.EqualFold(verb, "EHLO") {
		lines = append(lines, s.extensions()...)
	}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + l
	}
	code, err := s.answer(Step{Stage: Hello, Line: line}, strings.Join(lines, "\r\n"))
	if code/100 == 2 {
		s.hello = name
	}
	return err
}

func (s *session) starttls(line string) error {
	if s.srv.o.Certificate == nil || s.tls {
		return s.say("503 5.5.1 No STARTTLS now")
	}
	code, err := s.answer(Step{Stage: StartTLS, Line: line}, "220 2.0.0 Go ahead")
	if err != nil || code != 220 {
		return err
	}
	if err := s.bw.Flush(); err != nil {
		return err
	}
	s.hello, s.user, s.mail = "", "", nil
	return s.handshake()
}

// handshake turns to TLS. What came in clear before it is thrown away.
func (s *session) handshake() error {
	tc := tls.Server(s.raw, &tls.Config{
		Certificates: []tls.Certificate{*s.srv.o.Certificate},
		MinVersion:   tls.VersionTLS12,
	})
	if err := tc.Handshake(); err != nil {
		return err
	}
	s.tls = true
	s.speakThrough(tc)
	return nil
}
