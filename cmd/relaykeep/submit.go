package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// submission is a mail on its way to the daemon.
type submission struct {
	envelope envelope
	host     string    // our name in EHLO
	content  io.Reader // lines end with LF or CRLF; read once
	size     int64     // of content with CRLF, in bytes; 0: not known
	eightBit bool      // content is not 7-bit, or may not be
	utf8     bool      // the header section holds UTF-8

	notify, ret, envelopeID string // of RFC 3461, as they stand on the wire; "" if not asked for
}

// inputError: the content could not be read to its end. Nothing was submitted.
type inputError struct{ err error }

func (e *inputError) Error() string { return "the message cannot be read: " + e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// submit gives a mail to the daemon by the first door that opens, and returns
// the reply to it. All recipients are taken, or nothing is. Errors are an
// *unreachableError, an *inputError, a *replyError where the daemon refused, or
// those of the connection.
func submit(ctx context.Context, doors []door, m submission) (reply string, err error) {
	s, err := connect(ctx, doors, m.host)
	if err != nil {
		return "", err
	}
	defer s.Close()
	if err = s.hello(m.host); err == nil {
		reply, err = s.send(m)
	}
	if err != nil {
		return "", fmt.Errorf("the listener at %s: %w", s.door.address, err)
	}
	return reply, nil
}

// send makes the transaction.
func (s *session) send(m submission) (reply string, err error) {
	if err := s.say(250, "MAIL FROM:<%s>%s", m.envelope.from, s.mailParameters(m)); err != nil {
		return "", err
	}
	notify := ""
	if m.notify != "" && s.announced("DSN") {
		notify = " NOTIFY=" + m.notify
	}
	for _, to := range m.envelope.to {
		if err := s.say(25, "RCPT TO:<%s>%s", to, notify); err != nil { // 250, 251
			return "", fmt.Errorf("%s: %w", printable(to), err)
		}
	}
	if err := s.say(354, "DATA"); err != nil {
		return "", err
	}
	if reply, err = s.sendContent(m.content); err != nil {
		return "", err
	}
	_ = s.say(221, "QUIT") // the mail is taken, whatever comes now
	return reply, nil
}

// sendContent streams the content and reads the reply to the final dot.
func (s *session) sendContent(content io.Reader) (reply string, err error) {
	source := &noted{Reader: content}
	w := s.DotWriter()
	_, err = io.Copy(w, source)
	if source.err != nil { // without the dot the daemon throws it away
		return "", &inputError{source.err}
	}
	if err == nil {
		err = w.Close()
	}
	reply, replyErr := s.read(250)
	var refused *replyError
	if err != nil && !errors.As(replyErr, &refused) { // it may have said why it hung up
		return "", err
	}
	return reply, replyErr
}

// noted keeps the error of its reader.
type noted struct {
	io.Reader
	err error // but io.EOF
}

// Read implements io.Reader.
func (n *noted) Read(p []byte) (int, error) {
	got, err := n.Reader.Read(p)
	if err != nil && err != io.EOF {
		n.err = err
	}
	return got, err
}

// mailParameters gives the parameters of MAIL, as far as the daemon knows them.
// What an address needs is asked for in any case.
func (s *session) mailParameters(m submission) string {
	var b strings.Builder
	if m.size > 0 && s.announced("SIZE") {
		b.WriteString(" SIZE=" + strconv.FormatInt(m.size, 10))
	}
	if m.eightBit && s.announced("8BITMIME") {
		b.WriteString(" BODY=8BITMIME")
	}
	if m.envelope.utf8() || m.utf8 && s.announced("SMTPUTF8") {
		b.WriteString(" SMTPUTF8")
	}
	if m.ret != "" && s.announced("DSN") {
		b.WriteString(" RET=" + m.ret)
	}
	if m.envelopeID != "" && s.announced("DSN") {
		b.WriteString(" ENVID=" + m.envelopeID)
	}
	return b.String()
}
