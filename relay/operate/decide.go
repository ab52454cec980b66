package operate

import (
	"errors"
	"fmt"
	"time"

	"relaykeep/relay"
)

// Action is what an operator wants done.
type Action string

// The actions.
const (
	Retry    Action = "retry"    // queued mail is due now; bounced and expired mail is queued again while its body is kept
	Hold     Action = "hold"     // kept until it is released, and its clock stands
	Release  Action = "release"  // what is held, whyever, is due now
	Delete   Action = "delete"   // ended, and nobody is told
	Bounce   Action = "bounce"   // ended, and its sender is told as of any failure
	Redirect Action = "redirect" // sent to another address instead, now; bounced and expired mail, too, while its body is kept
)

// Wish is what an operator wants done.
type Wish struct {
	Action Action
	To     string // of Redirect: the address, as in relay.Recipient
	By     string // who wants it, in words for people
}

// ErrNoAction is matched by the error of the name of an action that there is
// not.
var ErrNoAction = errors.New("no such action")

// ParseWish reads what is wanted: the name of an action, and for a redirect the
// address. The error matches ErrNoAction, or is about the address.
func ParseWish(action, to string) (w Wish, err error) {
	switch w.Action = Action(action); w.Action {
	case Redirect:
		if to == "" {
			return w, errors.New("redirect needs the address that the mail goes to instead")
		}
		if w.To, err = relay.ParseAddress(to, false); err != nil {
			return w, fmt.Errorf("cannot redirect to %q: %w", to, err)
		}
		return w, nil
	case Retry, Hold, Release, Delete, Bounce:
		if to != "" {
			return w, fmt.Errorf("%s takes no address", action)
		}
		return w, nil
	}
	return w, fmt.Errorf("%w as %q; there are retry, hold, release, delete, bounce, redirect", ErrNoAction, action)
}

// Sends reports whether a recipient is sent on, by the routes of today.
func (a Action) Sends() bool { return a == Retry || a == Release || a == Redirect }

// scene is what a decision depends on beside the recipient.
type scene struct {
	hasBody bool
	way     relay.Assignment // of today, for the address that it is sent to
	routed  bool             // there is one, and it sends to that address
	now     time.Time
}

// decision is what becomes of a recipient, and the event's kind and words.
type decision struct {
	to     relay.Recipient
	kind   relay.EventKind
	detail string
}

// decide gives what becomes of r; ok is false where the wish does not fit its
// state.
func decide(w Wish, r relay.Recipient, sc scene) (d decision, ok bool) {
	open := r.State == relay.Queued || r.State == relay.Held
	failed := (r.State == relay.Bounced || r.State == relay.Expired) && sc.hasBody
	switch w.Action {
	case Retry:
		ok = sc.routed && (r.State == relay.Queued || failed)
		d = decision{sc.queue(r), relay.EventOperator, "retried by " + w.By}
	case Release:
		ok = sc.routed && r.State == relay.Held
		d = decision{sc.queue(r), relay.EventReleased, "released by " + w.By}
	case Redirect:
		ok = sc.routed && (open || failed) && !relay.SameMailbox(r.Address, w.To)
		d = decision{sc.redirect(r, w.To), relay.EventRedirected, fmt.Sprintf("sent to %s instead by %s", w.To, w.By)}
	case Hold:
		ok = open && r.HoldReason != relay.HoldOperator
		d = decision{hold(r), relay.EventHeld, "held by " + w.By}
	case Delete:
		ok = open
		d = decision{finish(r, relay.Deleted, sc.now), relay.EventDeleted, "deleted by " + w.By}
	case Bounce:
		ok = open
		d = decision{bounce(r, sc.now), relay.EventBounced, "bounced by " + w.By}
	}
	return d, ok
}

// sends reports whether a route sends to this address itself: what it
// discards, or would send to somebody else, is left alone.
func sends(way relay.Assignment, address string) bool {
	switch way.Action {
	case relay.RouteDiscard:
		return false
	case relay.RouteRedirect:
		return relay.SameMailbox(address, way.RedirectTo)
	}
	return true
}

// queue makes r due now by the way of today. A route that holds its mail does
// not hold what a person lets go. Where an outcome is unknown it goes to the
// upstream that may have it, if that is still one of its route. What had ended
// begins anew.
func (sc scene) queue(r relay.Recipient) relay.Recipient {
	if r.State.Finished() {
		r.ExpiresAt, r.WarnAt = sc.way.ExpiresAt, sc.way.WarnAt
		r.Attempts, r.InDoubt, r.FinishedAt, r.Reported = 0, 0, time.Time{}, false
	}
	r.State, r.NextAttempt, r.HoldReason, r.Incident, r.Failures = relay.Queued, sc.now, "", 0, 0
	r.Route, r.Priority, r.Eligible = sc.way.Route, sc.way.Priority, sc.way.Upstreams
	if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(sc.now) { // its clock stood
		r.ExpiresAt, r.WarnAt = sc.way.ExpiresAt, sc.way.WarnAt
	}
	if r.InDoubt == 0 {
		return r
	}
	for _, name := range sc.way.Upstreams {
		if name == r.Upstream {
			r.Eligible = []string{name}
		}
	}
	return r
}

// redirect makes r due now at another address, which nobody has tried yet: what
// was answered is of the old one, and stays in the events.
func (sc scene) redirect(r relay.Recipient, to string) relay.Recipient {
	r = r.Redirect(to)
	r.Attempts, r.InDoubt = 0, 0
	r.Upstream, r.Last, r.LastAt = "", relay.Verdict{}, time.Time{}
	return sc.queue(r)
}

func hold(r relay.Recipient) relay.Recipient {
	r.State, r.NextAttempt = relay.Held, time.Time{}
	r.HoldReason, r.Incident = relay.HoldOperator, 0
	return r
}

func finish(r relay.Recipient, as relay.State, now time.Time) relay.Recipient {
	r.State, r.NextAttempt, r.FinishedAt = as, time.Time{}, now
	r.HoldReason, r.Incident = "", 0
	return r
}

// bounce gives r up. Where nobody was asked, the notice says who has decided.
func bounce(r relay.Recipient, now time.Time) relay.Recipient {
	if r.Last == (relay.Verdict{}) {
		r.Last = relay.Verdict{
			Class: relay.ClassRejected, Scope: relay.ScopeRecipient, Action: relay.ActionBounce,
			Text: "given up by the people who run this relay", Rule: "operator",
		}
	}
	return finish(r, relay.Bounced, now)
}
