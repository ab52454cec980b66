package smtp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"

	"relaykeep/relay"
)

// Bounds of RFC 4954, section 4: a command with an initial response must fit a
// command line, or the response is sent when it is asked for; and a base64
// line ends somewhere.
const (
	maxAuthCommand = 512 - len("\r\n")
	maxAuthLine    = 12288 - len("\r\n")
)

// exchange is one login: the responses, in the order in which they are asked
// for.
type exchange struct {
	mechanism string
	responses []string // not encoded
	initial   bool     // the first one may go with the command
	secret    string   // the password or the token
}

// plainExchange is RFC 4616.
func plainExchange(user, password string) (exchange, error) {
	_, response, err := sasl.NewPlainClient("", user, password).Start()
	return exchange{mechanism: "PLAIN", responses: []string{string(response)}, initial: true, secret: password}, err
}

// loginExchange is draft-murchison-sasl-login. The prompts of servers differ in
// wording, so they are not looked at.
func loginExchange(user, password string) exchange {
	return exchange{mechanism: "LOGIN", responses: []string{user, password}, secret: password}
}

// xoauth2Exchange is the mechanism of Google and Microsoft. The second, empty
// response answers the challenge in which they describe a failure before they
// send the final code.
func xoauth2Exchange(user, token string) exchange {
	return exchange{
		mechanism: "XOAUTH2", initial: true, secret: token,
		responses: []string{"user=" + user + "\x01auth=Bearer " + token + "\x01\x01", ""},
	}
}

// login logs in where the configuration has a login.
func (o *opening) login() *failure {
	a := o.t.o.Auth
	if a == nil {
		return nil
	}
	o.step = "auth"
	if err := mayLogIn(o.t.o, o.c); err != nil {
		return o.fail(relay.StageAuth, err)
	}
	mechanism := strings.ToUpper(a.Mechanism)
	if !slices.Contains(o.c.ext.auth, mechanism) {
		return o.fail(relay.StageAuth, &SecurityError{"the server does not offer AUTH " + mechanism + " here"})
	}
	e, err := o.credentials(mechanism)
	if err != nil {
		return o.fail(relay.StageAuth, err)
	}
	if f := o.exchange(e); f != nil {
		return f
	}
	o.done(relay.StageAuth, func() string { return "logged in by " + mechanism + " as " + a.Username })
	return nil
}

// mayLogIn says why no credential may be sent as the session stands.
func mayLogIn(o Options, c *conn) error {
	switch {
	case o.TLS == NoTLS:
		return nil
	case !c.encrypted:
		return &SecurityError{"no login in clear: the server offers no TLS"}
	case c.verified, o.SkipVerify && o.TLS != Opportunistic:
		return nil
	}
	return &SecurityError{"no login: the server's certificate could not be verified"}
}

// credentials makes the exchange, which for XOAUTH2 may need a new token.
func (o *opening) credentials(mechanism string) (exchange, error) {
	a := o.t.o.Auth
	switch mechanism {
	case "PLAIN":
		return plainExchange(a.Username, a.Password.Reveal())
	case "LOGIN":
		return loginExchange(a.Username, a.Password.Reveal()), nil
	case "XOAUTH2":
		token, err := o.t.tokens.token(o.ctx)
		return xoauth2Exchange(a.Username, token), err
	}
	return exchange{}, fmt.Errorf("unknown mechanism %q", a.Mechanism)
}

// exchange speaks e up to the final reply.
func (o *opening) exchange(e exchange) *failure {
	c := o.c
	left := e.responses
	line := "AUTH " + e.mechanism
	if first := encode(left[0]); e.initial && len(line)+1+len(first) <= maxAuthCommand {
		line += " " + first
		left = left[1:]
	}
	for {
		if err := c.command(line, c.to.command); err != nil {
			return o.fail(relay.StageAuth, withoutQuote(err))
		}
		switch {
		case c.rep.code == 235:
			return nil
		case c.rep.code == 334 && len(left) > 0:
			line = encode(left[0])
			left = left[1:]
			if len(line) > maxAuthLine {
				return o.fail(relay.StageAuth, &SecurityError{"the credential is too long to be sent"})
			}
		default:
			return o.loginRefused(e)
		}
	}
}

// loginRefused makes a failure of any reply that ends the exchange without a
// login. A token that was refused is not offered again.
func (o *opening) loginRefused(e exchange) *failure {
	if e.mechanism == "XOAUTH2" {
		o.t.tokens.forget(o.ctx, e.secret)
	}
	r := &o.c.rep
	if unexpected(r) {
		return o.fail(relay.StageAuth, &ProtocolError{Reason: "unexpected reply " + strconv.Itoa(r.code) + " to the login"})
	}
	r.text = append(r.text[:0], e.redact(string(r.text))...)
	return o.refused(relay.StageAuth)
}
