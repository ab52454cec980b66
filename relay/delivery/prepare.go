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
	if a.l.Prepare == nil {
		return a.d.Message, a, nil
	}
	kept := a.d.Signatures
	if a.made != nil { // for the connection that was dead
		kept = append(slices.Clip(kept), *a.made)
	}
	p, err := a.l.Prepare.Prepare(ctx, a.d.Message, a, caps, kept)
	if err != nil {
		return relay.Message{}, nil, err
	}
	if p.Signature != nil {
		a.made = p.Signature
	}
	return p.Message, p.Body, nil
}

// senderAt gives the sender that an upstream gets to see for a message from
// this one.
func (s *Scheduler) senderAt(lane, from string) string {
	if l := s.byName[lane]; l != nil && l.Prepare != nil {
		return l.Prepare.Sender(from)
	}
	return from
}
