package smtp

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// Transport carries messages to one upstream over SMTP.
type Transport struct {
	o        Options
	classify upstream.Classifier
	to       timeouts
	dialer   *dialer
	trust    trust
	tokens   *tokenSource // nil where nobody logs in by XOAUTH2
	pool     *pool
	buffers  sync.Pool // of *bodyWriter
}

var _ upstream.Transport = (*Transport)(nil)

const (
	defaultConnections = 10
	defaultMessages    = 100
	defaultIdle        = 30 * time.Second
)

// New makes a transport. It connects to nothing yet. tokens may be nil: then a
// refresh token that the provider replaces is lost with the process. The
// caller closes the transport.
func New(o Options, classify upstream.Classifier, tokens TokenKeeper) (*Transport, error) {
	o.Hello = cmp.Or(o.Hello, "localhost")
	o.MaxConnections = cmp.Or(o.MaxConnections, defaultConnections)
	o.MaxMessagesPerConnection = cmp.Or(o.MaxMessagesPerConnection, defaultMessages)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, defaultIdle)
	to := newTimeouts(o)
	d, err := newDialer(o, to)
	if err != nil {
		return nil, err
	}
	t := &Transport{
		o:        o,
		classify: classify,
		to:       to,
		dialer:   d,
		trust:    newTrust(o, d.host),
		pool:     newPool(o.MaxConnections, o.IdleTimeout),
	}
	t.buffers.New = func() any { return newBodyWriter() }
	if o.Auth != nil && strings.EqualFold(o.Auth.Mechanism, "xoauth2") {
		t.tokens = newTokenSource(o, tokens)
	}
	return t, nil
}

// Deliver implements upstream.Transport.
func (t *Transport) Deliver(ctx context.Context, m relay.Message, to []relay.Recipient, h upstream.Handover) []relay.Verdict {
	x := &transaction{
		t: t, ctx: ctx, m: &m, to: to, h: h,
		verdicts: make([]relay.Verdict, len(to)),
	}
	if !x.acceptable() {
		return x.verdicts
	}
	if ctx.Err() != nil {
		x.settle(interrupted(relay.StageDial))
		return x.verdicts
	}
	c := t.pool.get()
	for {
		if c == nil {
			fresh, f := t.open(ctx, nil)
			if f != nil {
				x.failed(f)
				return x.verdicts
			}
			c = fresh
		}
		if x.over(c) {
			return x.verdicts
		}
		c = nil // a kept connection that was dead: one fresh one
	}
}

// over runs the transaction on c and disposes of c. It returns false where c
// was a kept connection that turned out to be dead before it answered.
func (x *transaction) over(c *conn) bool {
	x.c = c
	sound := false
	defer func() {
		if !sound { // also where a body or a mark panics
			c.close()
		}
	}()
	release := c.bind(x.ctx)
	err := x.run()
	release()
	if errors.Is(err, errStale) {
		return false
	}
	c.used++
	if sound = !c.broken && c.br.Buffered() == 0; !sound {
		return true
	}
	if c.used < x.t.o.MaxMessagesPerConnection {
		x.t.pool.put(c)
	} else {
		x.t.pool.discard(c)
	}
	return true
}

// Close implements upstream.Transport.
func (t *Transport) Close() error {
	t.pool.close()
	return nil
}
