package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"
)

const (
	submitDial = 5 * time.Second

	// stepTimeout bounds the wait for each reply, and each write (RFC 5321
	// 4.5.3.2 wants five minutes for most).
	stepTimeout = 5 * time.Minute
)

// session is a connection to the daemon: the client's side of SMTP.
type session struct {
	*textproto.Conn
	conn       *steady
	door       door
	greeting   string
	extensions map[string]bool // the keywords that were announced, in upper case
}

// replyError is a reply that is not the one that was wanted.
type replyError struct {
	code int
	text string // in one line
}

func (e *replyError) Error() string { return fmt.Sprintf("it said %d %s", e.code, oneLine(e.text)) }

// unreachableError: no door opened.
type unreachableError struct {
	tried []string // with the reasons; empty: there is no door
}

func (e *unreachableError) Error() string {
	if len(e.tried) == 0 {
		return "no listener has an address that this command knows: it comes from env, file or credential, or the socket is held by systemd"
	}
	return "no listener of the daemon answers, is it running? Tried " + strings.Join(e.tried, ", ")
}

// connect opens the first door that opens, makes it private where it must be,
// and reads the greeting. Host is our name, should that take an EHLO. The
// caller closes the session.
func connect(ctx context.Context, doors []door, host string) (*session, error) {
	failed := &unreachableError{}
	for _, d := range doors {
		dialer := net.Dialer{Timeout: submitDial}
		conn, err := dialer.DialContext(ctx, d.network, d.address)
		if err != nil {
			failed.tried = append(failed.tried, fmt.Sprintf("%s (%v)", d.address, reason(err)))
			continue
		}
		s := &session{conn: &steady{conn, stepTimeout}, door: d}
		if err := s.open(host); err != nil {
			s.Close()
			return nil, fmt.Errorf("the listener at %s: %w", d.address, err)
		}
		return s, nil
	}
	return nil, failed
}

// open does all that comes before the client's first command of its own.
func (s *session) open(host string) (err error) {
	if s.door.implicitTLS {
		s.secure()
	}
	s.Conn = textproto.NewConn(s.conn)
	if s.greeting, err = s.read(220); err != nil || s.door.implicitTLS || !s.door.startTLS {
		return err
	}
	if err := s.hello(host); err != nil {
		return err
	}
	if err := s.say(220, "STARTTLS"); err != nil {
		return err
	}
	s.secure()
	s.Conn = textproto.NewConn(s.conn)
	return nil
}

// secure goes on over TLS. The certificate is for clients from outside; this is
// our own daemon, on this machine.
func (s *session) secure() {
	s.conn = &steady{tls.Client(s.conn, &tls.Config{InsecureSkipVerify: true}), stepTimeout}
}

// Close closes the connection.
func (s *session) Close() error { return s.conn.Close() }

// hello says EHLO.
func (s *session) hello(host string) error {
	text, err := s.ask(250, "EHLO %s", host)
	if err != nil {
		return err
	}
	s.extensions = make(map[string]bool)
	for line := range strings.SplitSeq(text, "\n") {
		keyword, _, _ := strings.Cut(line, " ")
		s.extensions[strings.ToUpper(keyword)] = true
	}
	return nil
}

func (s *session) announced(keyword string) bool { return s.extensions[keyword] }

// say says a command and wants a reply code, or its first digits.
func (s *session) say(code int, format string, args ...any) error {
	_, err := s.ask(code, format, args...)
	return err
}

func (s *session) ask(code int, format string, args ...any) (string, error) {
	if err := s.PrintfLine(format, args...); err != nil {
		return "", err
	}
	return s.read(code)
}

// read reads a reply.
func (s *session) read(code int) (string, error) {
	_, text, err := s.ReadResponse(code)
	var other *textproto.Error
	if errors.As(err, &other) {
		return "", &replyError{other.Code, other.Msg}
	}
	return text, err
}

// steady is a connection on which each read and write must go on within a time.
type steady struct {
	net.Conn
	limit time.Duration // 0: none
}

// Read implements net.Conn.
func (c *steady) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn.
func (c *steady) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *steady) deadline() time.Time {
	if c.limit == 0 {
		return time.Time{}
	}
	return time.Now().Add(c.limit)
}

// CloseWrite says that nothing more will come from us.
func (c *steady) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
