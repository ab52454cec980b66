package ingress

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

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
		a, ok := s.ln.srv.Router.Route(q, tx.message.ReceivedAt)
		if !ok {
			return replyNoRoute
		}
		to, n := follow(r, a, tx.message.ReceivedAt)
		tx.control.Apply(&to)
		twice := to.State == relay.Queued && due[sameMailbox(to.Address)]
		if twice {
			n.detail += ", which gets it already"
		}
		if n.kind != "" {
			notes = append(notes, n)
		}
		if twice {
			continue
		}
		if to.State == relay.Queued {
			due[sameMailbox(to.Address)] = true
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
	switch a.Action {
	case relay.RouteDiscard:
		n.kind, n.detail = relay.EventDeleted, fmt.Sprintf("route %s discards it", a.Route)
		r.State, r.NextAttempt, r.FinishedAt = relay.Deleted, time.Time{}, now
	case relay.RouteHold:
		n.kind, n.detail = relay.EventHeld, fmt.Sprintf("route %s holds it", a.Route)
		r.State, r.NextAttempt, r.HoldReason = relay.Held, time.Time{}, relay.HoldOperator
	case relay.RouteRedirect:
		if sameMailbox(r.Address) == sameMailbox(a.RedirectTo) {
			break
		}
		n.kind, n.detail = relay.EventRedirected, fmt.Sprintf("route %s sends it to %s instead", a.Route, a.RedirectTo)
		if r.OriginalRecipient == "" {
			r.OriginalRecipient = addressType(r.Address) + ";" + r.Address
		}
		r.Address = a.RedirectTo
	}
	return r, n
}

// addressType is the type of an address in ORCPT: RFC 3461 4.2, and RFC 6533 3
// for what is not ASCII.
func addressType(address string) string {
	if strings.ContainsFunc(address, func(c rune) bool { return c >= utf8.RuneSelf }) {
		return "utf-8"
	}
	return "rfc822"
}
