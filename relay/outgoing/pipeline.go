package outgoing

import (
	"context"
	"io"

	"relaykeep/relay"
	"relaykeep/relay/message"
	"relaykeep/upstream"
)

// Signer makes DKIM signatures; dkim.Signer is one. It must be safe for
// concurrent use.
type Signer interface {
	// Sign gives the fields that belong on top of a message; "" where no key
	// fits it.
	Sign(content io.Reader) (fields string, err error)

	// Fingerprint names what Sign gives for a stored content to which these
	// changes are made.
	Fingerprint(content [32]byte, changes ...string) [32]byte
}

// Options say what an upstream wants. The zero value wants nothing.
type Options struct {
	// From is the address that stands in From; "" leaves the author's. The
	// author's becomes Reply-To where ReplyToOriginal says so.
	From            string
	ReplyToOriginal bool

	// EnvelopeFrom is the sender of the envelope; "" leaves the message's. The
	// null sender stays what it is.
	EnvelopeFrom string

	// NullSender stands in the place of the null sender at an upstream that
	// refuses it; "" leaves it.
	NullSender string

	Signer Signer // nil: nothing is signed
}

// Pipeline makes messages fit for one upstream. It may be used by several
// goroutines.
type Pipeline struct{ o Options }

// New makes a pipeline. The addresses of o are ASCII, in their wire form.
func New(o Options) *Pipeline { return &Pipeline{o} }

// Sender gives the envelope sender that the upstream gets to see for a message
// from this one.
func (p *Pipeline) Sender(from string) string {
	switch {
	case from == "" && p.o.NullSender != "":
		return p.o.NullSender
	case from != "" && p.o.EnvelopeFrom != "":
		return p.o.EnvelopeFrom
	}
	return from
}

// Prepare gives m and its stored body as a server with these capabilities gets
// them. kept are the signatures of earlier attempts. What is returned reads
// body, and is good as long as that is.
//
// The error is an *upstream.Unsuitable where the message cannot be made fit;
// that of ctx; or one of body.
func (p *Pipeline) Prepare(ctx context.Context, m relay.Message, body relay.Body, caps upstream.Capabilities, kept []relay.Signature) (upstream.Prepared, error) {
	m.From = p.Sender(m.From)
	todo := p.todo(m, caps)
	m.EightBit = caps.EightBit && (m.EightBit || m.Content.Has(relay.ContentEightBit))
	if todo == (work{}) {
		return upstream.Prepared{Message: m, Body: body}, nil
	}
	d := draft{ctx: ctx, content: content{stored: body, size: body.Size()}}
	if todo.rewrite {
		if err := d.rewrite(message.Rewrite{From: p.o.From, ReplyToOriginal: p.o.ReplyToOriginal}); err != nil {
			return upstream.Prepared{}, err
		}
	}
	if todo.recode != (message.Recode{}) {
		if err := d.recode(todo.recode); err != nil {
			return upstream.Prepared{}, err
		}
	}
	var made *relay.Signature
	if todo.sign {
		var err error
		if made, err = d.sign(p.o.Signer, m.SHA256, kept); err != nil {
			return upstream.Prepared{}, err
		}
	}
	if err := d.measure(); err != nil {
		return upstream.Prepared{}, err
	}
	return upstream.Prepared{Message: m, Body: d.body(), Signature: made}, nil
}

// work is what has to be done, or at least looked into.
type work struct {
	rewrite bool
	recode  message.Recode // the zero value: nothing of it
	sign    bool
}

// todo decides what has to be looked into for m at a server with these
// capabilities.
func (p *Pipeline) todo(m relay.Message, caps upstream.Capabilities) work {
	w := work{rewrite: p.o.From != "", sign: p.o.Signer != nil}
	known := m.Content.Has(relay.ContentKnown)
	wide := !known || m.Content.Has(relay.ContentEightBit)
	w.recode = message.Recode{
		LongLines: !known || m.Content.Has(relay.ContentLongLines),
		EightBit:  wide && !caps.EightBit,
		Header:    wide && !(caps.UTF8 && caps.EightBit),
	}
	return w
}
