package delivery

import (
	"context"
	"slices"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// Preparer makes messages fit for the upstream of a lane: outgoing.Pipeline is
// one. It must be safe for concurrent use.
type Preparer interface {
	// Prepare gives m, and its stored body, as a server with these
	// capabilities gets them. kept are the signatures of earlier attempts. The
	// error is as that of upstream.Handover.Prepare.
	Prepare(ctx context.Context, m relay.Message, body relay.Body, caps upstream.Capabilities, kept []relay.Signature) (upstream.Prepared, error)

	// Sender gives the envelope sender that the upstream gets to see for a
	// message from this one: it is whom the upstream refuses.
	Sender(from string) string
}

// Prepare implements upstream.Handover.
func (a *attempt) Prepare(ctx context.Context, caps upstream.Capabilities) (relay.Message, relay.Body, error) {
	if a.prepare == nil {
		return a.d.Message, a, nil
	}
	kept := a.d.Signatures
	if a.made != nil { // for the connection that was dead
		kept = append(slices.Clip(kept), *a.made)
	}
	p, err := a.prepare.Prepare(ctx, a.d.Message, a, caps, kept)
	if err != nil {
		return relay.Message{}, nil, err
	}
	if p.Signature != nil {
		a.made = p.Signature
	}
	return p.Message, p.Body, nil
}

// sender is the one that the upstream gets to see.
func (a *attempt) sender() string { return seenSender(a.prepare, a.d.Message.From) }

// senderAt gives the sender that an upstream gets to see for a message from
// this one.
func (c *course) senderAt(lane, from string) string {
	if l := c.byName[lane]; l != nil {
		return seenSender(*l.prepare.Load(), from)
	}
	return from
}

func seenSender(p Preparer, from string) string {
	if p == nil {
		return from
	}
	return p.Sender(from)
}

// setPrepare changes what is done to mail: attempts under way go on with what
// they began with.
func (l *lane) setPrepare(p Preparer) { l.prepare.Store(&p) }
