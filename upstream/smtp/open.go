package smtp

import (
	"context"
	"crypto/tls"
	"time"

	"relaykeep/relay"
)

// opening is a session on its way to be ready for MAIL.
type opening struct {
	t      *Transport
	ctx    context.Context
	c      *conn
	step   string     // what is being done
	begun  time.Time  // when that began
	report func(Step) // nil, or told of each step that is done
}

// open makes a session that is ready for MAIL. report may be nil.
func (t *Transport) open(ctx context.Context, report func(Step)) (*conn, *failure) {
	o := &opening{t: t, ctx: ctx, begun: time.Now(), report: report}
	if f := o.dial(); f != nil {
		return nil, f
	}
	release := o.c.bind(ctx)
	f := o.converse()
	release()
	if f == nil && o.c.broken {
		f = o.fail(relay.StageAuth, errStopped)
	}
	if f != nil {
		t.pool.discard(o.c)
		return nil, f
	}
	return o.c, nil
}

func (o *opening) dial() *failure {
	d := o.t.dialer
	o.step = "dns"
	addrs, err := d.lookup(o.ctx)
	if err != nil {
		return o.fail(relay.StageDial, err)
	}
	o.done(relay.StageDial, func() string { return describeAddrs(d.host, addrs) })
	o.step = "tcp"
	nc, err := d.connect(o.ctx, addrs)
	if err != nil {
		return o.fail(relay.StageDial, err)
	}
	o.c = newConn(nc, o.t.to)
	o.done(relay.StageDial, func() string { return "connected to " + nc.RemoteAddr().String() })
	return nil
}

func (o *opening) converse() *failure {
	mode := o.t.o.TLS
	if mode == Implicit {
		if f := o.handshake(); f != nil {
			return f
		}
	}
	if f := o.greeting(); f != nil {
		return f
	}
	if f := o.hello(); f != nil {
		return f
	}
	if mode == STARTTLS || mode == Opportunistic {
		if f := o.starttls(); f != nil {
			return f
		}
	}
	return o.login()
}

func (o *opening) greeting() *failure {
	o.step = "greeting"
	if err := o.c.readClean(o.c.to.greeting); err != nil {
		return o.fail(relay.StageGreeting, err)
	}
	if f := o.expect2xx(relay.StageGreeting); f != nil {
		return f
	}
	o.done(relay.StageGreeting, func() string { return escape(o.c.rep.text, relay.MaxReplyText) })
	return nil
}

// hello says EHLO, or HELO to a server that does not know EHLO, where neither
// TLS nor a login is needed (RFC 5321, section 3.2).
func (o *opening) hello() *failure {
	o.step = "ehlo"
	c := o.c
	if err := c.command("EHLO "+o.t.o.Hello, c.to.command); err != nil {
		return o.fail(relay.StageHello, err)
	}
	old := c.rep.code == 500 || c.rep.code == 502 || c.rep.code == 504
	if old && !c.broken && o.t.o.Auth == nil && o.t.o.TLS != STARTTLS {
		if err := c.command("HELO "+o.t.o.Hello, c.to.command); err != nil {
			return o.fail(relay.StageHello, err)
		}
	}
	if f := o.expect2xx(relay.StageHello); f != nil {
		return f
	}
	c.ext = parseExtensions(c.rep.text)
	o.done(relay.StageHello, func() string { return describeExtensions(c.ext) })
	return nil
}

// starttls turns to TLS where the mode wants it, and says EHLO again.
func (o *opening) starttls() *failure {
	o.step = "tls"
	c := o.c
	optional := o.t.o.TLS == Opportunistic
	if !c.ext.starttls {
		if optional {
			return nil
		}
		return o.fail(relay.StageTLS, &SecurityError{"the server does not offer STARTTLS"})
	}
	if err := c.command("STARTTLS", c.to.command); err != nil {
		return o.fail(relay.StageTLS, err)
	}
	if c.rep.class() != 2 {
		if optional && !c.broken && c.rep.class() > 3 {
			return nil
		}
		return o.expect2xx(relay.StageTLS)
	}
	// Whatever came behind the 220 was sent in clear, perhaps by somebody in
	// between, and would be read as if it had come through TLS (CVE-2021-38371).
	if c.br.Buffered() > 0 {
		return o.fail(relay.StageTLS, &ProtocolError{Reason: "bytes in clear after the reply to STARTTLS"})
	}
	if f := o.handshake(); f != nil {
		return f
	}
	return o.hello()
}

func (o *opening) handshake() *failure {
	o.step = "tls"
	c := o.c
	tc := tls.Client(c.raw, o.t.trust.config(&c.verified))
	c.allowRead(c.to.connect)
	c.allowWrite(c.to.connect)
	if err := tc.Handshake(); err != nil {
		c.broken = true
		return o.fail(relay.StageTLS, err)
	}
	c.nc = tc
	c.br.Reset(tc)
	c.ext = extensions{}
	c.encrypted = true
	o.done(relay.StageTLS, func() string { return describeTLS(tc.ConnectionState(), c.verified) })
	return nil
}

// expect2xx makes a failure of any reply but 2xx.
func (o *opening) expect2xx(stage relay.Stage) *failure {
	if o.c.rep.class() == 2 {
		return nil
	}
	return o.refused(stage)
}

// refused makes a failure of the reply that was read last.
func (o *opening) refused(stage relay.Stage) *failure {
	if unexpected(&o.c.rep) {
		o.c.broken = true
	}
	return &failure{answer: o.t.answer(stage, &o.c.rep), step: o.step}
}

// fail makes a failure of an error.
func (o *opening) fail(stage relay.Stage, err error) *failure {
	if o.c != nil {
		o.c.broken = true
	}
	if o.ctx.Err() != nil {
		return &failure{local: interrupted(stage), step: o.step}
	}
	return &failure{answer: o.t.lost(stage, err), step: o.step}
}

// done reports a step that went well. The detail is made for listeners only.
func (o *opening) done(stage relay.Stage, detail func() string) {
	if o.report == nil {
		return
	}
	now := time.Now()
	o.report(Step{Stage: stage, Name: o.step, Detail: detail(), Duration: now.Sub(o.begun)})
	o.begun = now
}
