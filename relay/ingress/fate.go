package ingress

import (
	"time"

	"relaykeep/relay"
	"relaykeep/relay/message"
)

// note is something to tell of a message that was accepted, or of one of its
// recipients.
type note struct {
	kind     relay.EventKind
	to       string // as the client gave it; "" for the whole message
	detail   string
	incident int64 // that holds it, 0 for none
}

// route finds the way of every recipient and does what the routes say. If the
// header leaves one without, the whole message is refused: a reply to a message
// speaks for all of them.
func (s *session) route(tx *transaction, h *message.Header) error {
	routed := make([]relay.Recipient, 0, len(tx.to))
	var notes []note
	due := make(map[string]bool) // mailboxes that get a copy
	for _, r := range tx.to {
		q := tx.query(r.Address)
		q.Header, q.Seed = h.Values, string(tx.message.ID)
		a, ok := tx.rules.Router.Route(q, tx.message.ReceivedAt)
		if !ok {
			return replyNoRoute
		}
		to, n := follow(r, a, tx.message.ReceivedAt)
		tx.control.Apply(&to)
		twice := to.State == relay.Queued && due[relay.Mailbox(to.Address)]
		if twice {
			n.detail += relay.MergedDetail
		}
		if n.kind != "" {
			notes = append(notes, n)
		}
		if twice {
			continue
		}
		if to.State == relay.Queued {
			due[relay.Mailbox(to.Address)] = true
		}
		routed = append(routed, to)
	}
	tx.routed, tx.notes = routed, notes
	return nil
}

// follow gives a recipient its way; the note is empty where it is delivered as
// it is.
func follow(r relay.Recipient, a relay.Assignment, now time.Time) (relay.Recipient, note) {
	n := note{to: r.Address}
	r.State = relay.Queued
	r.Route, r.Priority, r.Eligible = a.Route, a.Priority, a.Upstreams
	r.NextAttempt, r.ExpiresAt, r.WarnAt = now, a.ExpiresAt, a.WarnAt
	r, n.kind, n.detail = a.Act(r, now)
	return r, n
}
