package relay

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Act does to r, which takes the way a, what the route does with its mail. kind
// and detail tell of that; kind is "" where it is delivered as it is.
func (a *Assignment) Act(r Recipient, now time.Time) (out Recipient, kind EventKind, detail string) {
	switch a.Action {
	case RouteDiscard:
		r.State, r.NextAttempt, r.FinishedAt = Deleted, time.Time{}, now
		r.HoldReason, r.Incident = "", 0
		return r, EventDeleted, fmt.Sprintf("route %s discards it", a.Route)
	case RouteHold:
		r.State, r.NextAttempt = Held, time.Time{}
		r.HoldReason, r.Incident = HoldByRoute(a.Route), 0
		return r, EventHeld, fmt.Sprintf("route %s holds it", a.Route)
	case RouteRedirect:
		if SameMailbox(r.Address, a.RedirectTo) {
			break
		}
		detail = fmt.Sprintf("route %s sends it to %s instead", a.Route, a.RedirectTo)
		return r.Redirect(a.RedirectTo), EventRedirected, detail
	}
	return r, "", ""
}

// Redirect gives r another address. The first one that it had is kept as ORCPT
// (RFC 3461 4.2): the one that the sender knows, for what is told of it.
func (r Recipient) Redirect(to string) Recipient {
	if r.OriginalRecipient == "" {
		r.OriginalRecipient = addressType(r.Address) + ";" + r.Address
	}
	r.Address = to
	return r
}

// addressType is the type of an address in ORCPT: RFC 3461 4.2, and RFC 6533 3
// for what is not ASCII.
func addressType(address string) string {
	if strings.ContainsFunc(address, func(c rune) bool { return c >= utf8.RuneSelf }) {
		return "utf-8"
	}
	return "rfc822"
}

// SameMailbox reports whether two addresses name one mailbox: domains know no
// case, local parts do (RFC 5321 2.4).
func SameMailbox(a, b string) bool { return Mailbox(a) == Mailbox(b) }

// Mailbox maps the spellings of a mailbox to one.
func Mailbox(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	return address[:at] + strings.ToLower(address[at:])
}

// MergedDetail goes behind the detail of the event of a recipient that
// MergeRedirected has ended.
const MergedDetail = ", which gets it already"

// MergeRedirected ends those recipients of a message that got another address
// where that gets the message, or has got it, as another recipient: one copy is
// enough. before are the recipients as they were, all those of the message, and
// to as they shall be, in the same order; merged are the places of those that
// were ended. They have their own address again.
func MergeRedirected(to, before []Recipient, now time.Time) (merged []int) {
	redirected := func(i int) bool { return !SameMailbox(to[i].Address, before[i].Address) }
	taken := make(map[string]bool)
	for i := range to {
		if comes(&to[i]) && !redirected(i) {
			taken[Mailbox(to[i].Address)] = true
		}
	}
	for i := range to {
		if !comes(&to[i]) || !redirected(i) {
			continue
		}
		if at := Mailbox(to[i].Address); !taken[at] {
			taken[at] = true
			continue
		}
		r := &to[i]
		r.Address, r.OriginalRecipient = before[i].Address, before[i].OriginalRecipient
		r.State, r.NextAttempt, r.FinishedAt = Deleted, time.Time{}, now
		merged = append(merged, i)
	}
	return merged
}

// comes reports whether r has got the message or will.
func comes(r *Recipient) bool { return r.State == Queued || r.State == Sending || r.State == Delivered }
