package ingress

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"relaykeep/relay"
)

const (
	maxFailedLogins = 3               // in a session
	failureDelay    = 1 * time.Second // times the failures so far
)

// AuthMechanisms implements smtp.AuthSession: what EHLO offers.
func (s *session) AuthMechanisms() []string {
	if s.ln.guard == nil || s.needsTLS() || !s.mayAuth() {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// mayAuth reports whether a password may cross the connection as it is.
func (s *session) mayAuth() bool {
	c := s.wire.link.client
	return s.wire.tls != nil || c.local() || c.within(s.ln.opts.Auth.AllowPlaintextFrom)
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(mech string) (sasl.Server, error) {
	switch {
	case s.ln.guard == nil:
		return nil, smtp.ErrAuthUnsupported
	case s.tx != nil: // RFC 4954 4
		return nil, replyNested
	case s.needsTLS():
		return nil, replyNeedTLS
	case !s.mayAuth():
		return nil, s.reject(relay.StageAuth, replyAuthClear, "", "")
	}
	s.mechanism = mech
	switch mech {
	case sasl.Plain:
		return &exchange{s, sasl.NewPlainServer(s.plain)}, nil
	case sasl.Login:
		return &exchange{s, &loginServer{authenticate: s.login}}, nil
	}
	return nil, replyAuthMech
}

// exchange tells the wire when the next line answers a challenge, and turns
// every error into a reply.
type exchange struct {
	session *session
	sasl.Server
}

// Next implements sasl.Server.
func (e *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = e.Server.Next(response)
	if err != nil {
		var r *smtp.SMTPError
		if !errors.As(err, &r) {
			r = replyAuthSyntax
		}
		return nil, false, r
	}
	e.session.wire.response = !done
	return challenge, done, nil
}

func (s *session) plain(identity, name, password string) error {
	if identity != "" && identity != name {
		return s.refuseLogin(replyAuthFailed) // nobody acts for another
	}
	return s.login(name, password)
}

// login ends an exchange.
func (s *session) login(name, password string) error {
	u, r := s.ln.guard.login(s.ln.srv.drain, s.wire.link.client, name, password)
	if r != nil {
		return s.refuseLogin(r)
	}
	s.mu.Lock()
	s.user = u
	s.mu.Unlock()
	return nil
}

// refuseLogin takes its time, and ends the session of one who fails too often.
func (s *session) refuseLogin(r *smtp.SMTPError) error {
	s.failed++
	if s.failed >= maxFailedLogins {
		r = replyAuthOften
		s.wire.closing = true
	}
	s.reject(relay.StageAuth, r, "", "")
	s.delay(time.Duration(s.failed) * failureDelay)
	return r
}

// delay waits, unless the server drains.
func (s *session) delay(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.ln.srv.drain, d)
	defer cancel()
	<-ctx.Done()
}

// loginServer is the server side of the LOGIN mechanism
// (draft-murchison-sasl-login): two questions, or one where the name came with
// the command.
type loginServer struct {
	authenticate func(name, password string) error
	asked        int
	name         string
}

// Next implements sasl.Server.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && l.asked == 0:
		l.asked = 1
		return []byte("Username:"), false, nil
	case l.asked <= 1:
		l.asked = 2
		l.name = string(response)
		return []byte("Password:"), false, nil
	case l.asked == 2:
		l.asked = 3
		return nil, true, l.authenticate(l.name, string(response))
	}
	return nil, false, sasl.ErrUnexpectedClientResponse
}
