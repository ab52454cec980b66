package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

const (
	submitDial    = 5 * time.Second
	submitTimeout = time.Minute // for the whole dialogue
)

// submit gives a mail to the daemon by the first door that opens, and returns
// the id that it got.
func submit(ctx context.Context, doors []door, t testMail) (relay.ID, error) {
	var tried []string
	for _, d := range doors {
		dialer := net.Dialer{Timeout: submitDial}
		conn, err := dialer.DialContext(ctx, d.network, d.address)
		if err != nil {
			tried = append(tried, fmt.Sprintf("%s (%v)", d.address, reason(err)))
			continue
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(submitTimeout)); err != nil {
			return "", err
		}
		id, err := converse(conn, d, t)
		if err != nil {
			return "", fmt.Errorf("the listener at %s: %w", d.address, err)
		}
		return id, nil
	}
	if tried == nil {
		return "", errors.New("no listener has an address that this command knows: it comes from env, file or credential, or the socket is held by systemd")
	}
	return "", fmt.Errorf("no listener of the daemon answers, is it running? Tried %s", strings.Join(tried, ", "))
}

// converse has the whole SMTP dialogue.
func converse(conn net.Conn, d door, t testMail) (relay.ID, error) {
	// The certificate is for clients from outside; this is our own daemon, on
	// this machine.
	trust := &tls.Config{InsecureSkipVerify: true}
	if d.implicitTLS {
		conn = tls.Client(conn, trust)
	}
	s := dialogue{textproto.NewConn(conn)}
	if _, err := s.read(220); err != nil {
		return "", err
	}
	if err := s.say(250, "EHLO %s", t.host); err != nil {
		return "", err
	}
	if d.startTLS && !d.implicitTLS {
		if err := s.say(220, "STARTTLS"); err != nil {
			return "", err
		}
		s = dialogue{textproto.NewConn(tls.Client(conn, trust))}
		if err := s.say(250, "EHLO %s", t.host); err != nil {
			return "", err
		}
	}
	return s.send(t)
}

// dialogue is the client's side of SMTP.
type dialogue struct{ *textproto.Conn }

// say sends a command and wants a reply code.
func (s dialogue) say(code int, format string, args ...any) error {
	if err := s.PrintfLine(format, args...); err != nil {
		return err
	}
	_, err := s.read(code)
	return err
}

// read reads a reply. The error tells another one as it came.
func (s dialogue) read(code int) (string, error) {
	_, text, err := s.ReadResponse(code)
	var other *textproto.Error
	if errors.As(err, &other) {
		return "", fmt.Errorf("it said %d %s", other.Code, oneLine(other.Msg))
	}
	return text, err
}

// send makes the transaction.
func (s dialogue) send(t testMail) (relay.ID, error) {
	parameters := ""
	if t.envelope.utf8() {
		parameters = " SMTPUTF8"
	}
	if err := s.say(250, "MAIL FROM:<%s>%s", t.envelope.from, parameters); err != nil {
		return "", err
	}
	for _, to := range t.envelope.to {
		if err := s.say(250, "RCPT TO:<%s>", to); err != nil {
			return "", err
		}
	}
	if err := s.say(354, "DATA"); err != nil {
		return "", err
	}
	w := s.DotWriter()
	if _, err := w.Write(t.compose()); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	text, err := s.read(250)
	if err != nil {
		return "", err
	}
	id := queuedAs(text)
	if id == "" {
		return "", fmt.Errorf("it took the mail, but is it relaykeep? It said %s", oneLine(text))
	}
	return id, s.say(221, "QUIT")
}

// queuedPattern finds the id in the reply to the final dot.
var queuedPattern = regexp.MustCompile(`queued as ([0-9A-Za-z]{26})\b`)

func queuedAs(reply string) relay.ID {
	m := queuedPattern.FindStringSubmatch(reply)
	if m == nil {
		return ""
	}
	id, err := spool.ParseID(m[1])
	if err != nil {
		return ""
	}
	return id
}
