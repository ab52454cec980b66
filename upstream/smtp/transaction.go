package smtp

import (
	"context"
	"errors"
	"slices"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// errStale says that a kept connection was dead before it answered anything.
var errStale = errors.New("the kept connection is dead")

// errOver ends a transaction in which every recipient has its verdict.
var errOver = errors.New("the transaction is over")

// transaction is one attempt: a message, its recipients and their verdicts. A
// verdict of class none is still open.
type transaction struct {
	t    *Transport
	ctx  context.Context
	c    *conn
	m    *relay.Message // as stored, then as prepared
	body relay.Body     // as prepared
	to   []relay.Recipient
	h    upstream.Handover

	verdicts []relay.Verdict
	accepted []int // indexes into to
	watcher  *watcher
}

// acceptable gives verdicts to what must not reach the wire, and tells whether
// anybody is left.
func (x *transaction) acceptable() bool {
	if !onWire(x.m.From) {
		x.settle(malformed(relay.ScopeMessage, relay.StageMail, "5.1.7"))
		return false
	}
	if limit := x.t.o.MaxMessageSize; limit > 0 && x.m.Size > limit {
		x.settle(tooLarge(x.m.Size, limit))
		return false
	}
	for i := range x.to {
		if !onWire(x.to[i].Address) || x.to[i].Address == "" {
			x.verdicts[i] = *malformed(relay.ScopeRecipient, relay.StageRcpt, "5.1.3")
		}
	}
	return x.anyOpen()
}

// prepare gets what this server is sent.
func (x *transaction) prepare() error {
	ext := &x.c.ext
	m, body, err := x.h.Prepare(x.ctx, upstream.Capabilities{EightBit: ext.eightBit, UTF8: ext.utf8})
	var unfit *upstream.Unsuitable
	switch {
	case errors.As(err, &unfit):
		return x.local(&unfit.Verdict)
	case err != nil && x.ctx.Err() != nil:
		return x.abandon(interrupted(relay.StageMail))
	case err != nil:
		return x.unreadable(err)
	case !onWire(m.From):
		return x.local(malformed(relay.ScopeMessage, relay.StageMail, "5.1.7"))
	}
	x.m, x.body = &m, body
	return nil
}

// suits gives verdicts to what this server cannot carry, and tells whether
// anybody is left.
func (x *transaction) suits() bool {
	ext := &x.c.ext
	limit := x.t.o.MaxMessageSize
	if ext.size > 0 && (limit <= 0 || ext.size < limit) {
		limit = ext.size
	}
	if limit > 0 && x.body.Size() > limit {
		x.settle(tooLarge(x.body.Size(), limit))
		return false
	}
	if ext.utf8 && x.m.UTF8 {
		return true
	}
	return x.toASCII()
}

// toASCII makes the envelope ASCII, with A-labels, gives verdicts to what
// cannot be so, and tells whether anybody is left.
func (x *transaction) toASCII() bool {
	from, ok := asciiAddress(x.m.From)
	if !ok {
		x.settle(noUTF8())
		return false
	}
	x.m.From = from
	owned := false // x.to was the caller's
	for i := range x.to {
		address, ok := asciiAddress(x.to[i].Address)
		switch {
		case !x.isOpen(i) || address == x.to[i].Address && ok:
			continue
		case !ok:
			x.verdicts[i] = *noUTF8()
			continue
		case !owned:
			x.to, owned = slices.Clone(x.to), true
		}
		x.to[i].Address = address
	}
	return x.anyOpen()
}

func (x *transaction) isOpen(i int) bool { return x.verdicts[i].Class == relay.ClassNone }

func (x *transaction) anyOpen() bool {
	for i := range x.verdicts {
		if x.isOpen(i) {
			return true
		}
	}
	return false
}

// settle gives one verdict to all whose own is open.
func (x *transaction) settle(v *relay.Verdict) {
	for i := range x.verdicts {
		if x.isOpen(i) {
			x.verdicts[i] = *v
		}
	}
}

// run speaks one transaction. It returns errStale where nothing has happened;
// any other outcome is in the verdicts.
func (x *transaction) run() error {
	err := x.prepare()
	if err == nil && !x.suits() {
		return nil
	}
	if err == nil {
		err = x.envelope()
	}
	if err == nil {
		err = x.content()
	}
	if errors.Is(err, errStale) {
		return err
	}
	x.handOverNotify()
	return nil
}

// handOverNotify says of what was delivered that the server has taken over
// NOTIFY, where it announced DSN (RFC 3461 5.2.1): it was sent there.
func (x *transaction) handOverNotify() {
	if !x.c.ext.dsn {
		return
	}
	for i := range x.verdicts {
		if v := &x.verdicts[i]; v.Class == relay.ClassDelivered {
			v.Notifies = true
		}
	}
}

// failed settles all by a failure.
func (x *transaction) failed(f *failure) {
	v := x.t.verdict(f)
	x.settle(&v)
}

// refused settles all by the reply that was read last, which is a refusal or
// out of place.
func (x *transaction) refused(stage relay.Stage) error {
	if x.c.broken && x.c.stale(1) {
		return errStale
	}
	x.c.needReset = true
	if unexpected(&x.c.rep) {
		x.c.broken = true
	}
	x.failed(&failure{answer: x.t.answer(stage, &x.c.rep)})
	return errOver
}

// broke settles all by the loss of the connection before the final dot.
func (x *transaction) broke(stage relay.Stage, err error) error {
	x.c.broken = true
	if x.ctx.Err() != nil {
		return x.local(interrupted(stage))
	}
	if x.c.stale(0) {
		return errStale
	}
	x.failed(&failure{answer: x.t.lost(stage, err)})
	return errOver
}

// local settles all by a verdict of our own.
func (x *transaction) local(v *relay.Verdict) error {
	x.settle(v)
	return errOver
}
