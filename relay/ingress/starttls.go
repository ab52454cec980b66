package ingress

import (
	"context"
	"crypto/tls"
	"time"
)

// startTLS answers STARTTLS and hands the socket to a new conn over TLS, with a
// new session: what was said in clear is forgotten with the old one (RFC 3207
// 4.2). A handshake that fails closes the connection.
func (c *conn) startTLS() error {
	if c.r < c.w {
		return c.bye(replyTLSEarly) // bytes in clear that TLS would let in
	}
	if err := c.answer(replyTLSReady); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	l := c.link
	l.raw.SetDeadline(time.Now().Add(handshakeTimeout))
	t := tls.Server(l.raw, l.ln.certs.config)
	ctx, cancel := context.WithTimeout(l.ln.srv.drain, handshakeTimeout)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		l.ln.srv.log.Debug("TLS handshake failed", "listener", l.ln.opts.Name, "client", l.client.String(), "error", err)
		return c.end()
	}
	l.raw.SetDeadline(time.Time{})
	next := newConn(l, t)
	next.greet, next.shake = true, false
	if !l.ln.secure.push(next) {
		return c.end()
	}
	c.handed = true
	return c.end()
}
