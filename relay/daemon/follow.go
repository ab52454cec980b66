package daemon

import (
	"fmt"
	"slices"
	"time"

	"relaykeep/relay"
)

// outcome is what today's routes make of a recipient.
type outcome struct {
	to      relay.Recipient
	kind    relay.EventKind // "" for nothing to tell
	detail  string
	noRoute bool
}

// followRoute gives a queued recipient the way that it has today. One whose
// way did not change stays where it is in its round. When it expires was
// settled when it was accepted.
func followRoute(r relay.Recipient, a relay.Assignment, ok bool, now time.Time) outcome {
	if !ok {
		r.State, r.NextAttempt = relay.Held, time.Time{}
		r.HoldReason = fmt.Sprintf("no route of the configuration matches it any more (it was %q)", r.Route)
		return outcome{to: r, kind: relay.EventHeld, detail: r.HoldReason, noRoute: true}
	}
	same := r.Route == a.Route && len(r.Eligible) > 0 && within(a.Upstreams, r.Eligible)
	r.Route, r.Priority = a.Route, a.Priority
	if !same {
		r.Eligible, r.Failures = slices.Clone(a.Upstreams), 0
	}
	o := outcome{to: r}
	switch a.Action {
	case relay.RouteDiscard:
		o.kind, o.detail = relay.EventDeleted, fmt.Sprintf("route %s discards it", a.Route)
		o.to.State, o.to.NextAttempt, o.to.FinishedAt = relay.Deleted, time.Time{}, now
	case relay.RouteHold:
		o.kind, o.detail = relay.EventHeld, fmt.Sprintf("route %s holds it", a.Route)
		o.to.State, o.to.NextAttempt, o.to.HoldReason = relay.Held, time.Time{}, relay.HoldOperator
	case relay.RouteRedirect:
		if r.Address == a.RedirectTo {
			break
		}
		o.kind, o.detail = relay.EventRedirected, fmt.Sprintf("route %s sends it to %s instead", a.Route, a.RedirectTo)
		o.to.Address = a.RedirectTo
		if r.OriginalRecipient == "" {
			o.to.OriginalRecipient = original(r.Address)
		}
	}
	return o
}

// original is an address as ORCPT has it: RFC 3461 4.2, RFC 6533 3.
func original(address string) string {
	for i := range len(address) {
		if address[i] >= 0x80 {
			return "utf-8;" + address
		}
	}
	return "rfc822;" + address
}

// mergeRedirected ends those of the redirected recipients whose new address
// gets the message, or has got it, as another recipient: one copy is enough.
// before are the recipients as they were.
func mergeRedirected(outcomes []outcome, before []relay.Recipient, now time.Time) {
	for i := range outcomes {
		o := &outcomes[i]
		if o.kind != relay.EventRedirected || !hasTwin(outcomes, i) {
			continue
		}
		o.to.Address, o.to.OriginalRecipient = before[i].Address, before[i].OriginalRecipient
		o.to.State, o.to.NextAttempt, o.to.FinishedAt = relay.Deleted, time.Time{}, now
		o.detail += ", which gets it already"
	}
}

// hasTwin reports whether another recipient has the address of the redirected
// one at i, and has got the message or will. Of several that are redirected
// the first has none.
func hasTwin(outcomes []outcome, i int) bool {
	for j, o := range outcomes {
		comes := o.to.State == relay.Queued || o.to.State == relay.Delivered
		later := j >= i && o.kind == relay.EventRedirected
		if comes && !later && o.to.Address == outcomes[i].to.Address {
			return true
		}
	}
	return false
}

// within reports whether part stands in whole, in the same order.
func within(whole, part []string) bool {
	for _, p := range part {
		i := slices.Index(whole, p)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}
