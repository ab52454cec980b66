package operate

import (
	"fmt"
	"time"

	"relaykeep/relay"
)

// Action is what an operator wants done.
type Action string

// The actions.
const (
	Retry   Action = "retry"   // queued mail is due now; bounced and expired mail is queued again while its body is kept
	Hold    Action = "hold"    // kept until it is released, and its clock stands
	Release Action = "release" // what is held, whyever, is due now
	Delete  Action = "delete"  // ended, and nobody is told
)

// Parse reads the name of an action.
func Parse(s string) (Action, error) {
	switch a := Action(s); a {
	case Retry, Hold, Release, Delete:
		return a, nil
	}
	return "", fmt.Errorf("there is no action %q; there are retry, hold, release, delete", s)
}

// scene is what a decision depends on beside the recipient.
type scene struct {
	hasBody bool
	way     relay.Assignment // of today
	routed  bool             // there is one
	by      string
	now     time.Time
}

// decide gives what becomes of r, and the event's kind and words; ok is false
// where the action does not fit its state.
func decide(a Action, r relay.Recipient, sc scene) (out relay.Recipient, kind relay.EventKind, detail string, ok bool) {
	switch {
	case a == Retry && r.State == relay.Queued && sc.routed:
		return sc.queue(r), relay.EventOperator, "retried by " + sc.by, true
	case a == Retry && (r.State == relay.Bounced || r.State == relay.Expired) && sc.hasBody && sc.routed:
		r.ExpiresAt, r.WarnAt = sc.way.ExpiresAt, sc.way.WarnAt
		r.Attempts, r.InDoubt, r.FinishedAt, r.Reported = 0, 0, time.Time{}, false
		return sc.queue(r), relay.EventOperator, "retried by " + sc.by, true
	case a == Release && r.State == relay.Held && sc.routed:
		return sc.queue(r), relay.EventReleased, "released by " + sc.by, true
	case a == Hold && (r.State == relay.Queued || r.State == relay.Held && r.HoldReason != relay.HoldOperator):
		r.State, r.NextAttempt = relay.Held, time.Time{}
		r.HoldReason, r.Incident = relay.HoldOperator, 0
		return r, relay.EventHeld, "held by " + sc.by, true
	case a == Delete && (r.State == relay.Queued || r.State == relay.Held):
		r.State, r.NextAttempt, r.FinishedAt = relay.Deleted, time.Time{}, sc.now
		r.HoldReason, r.Incident = "", 0
		return r, relay.EventDeleted, "deleted by " + sc.by, true
	}
	return r, "", "", false
}

// sends reports whether a route sends to r itself: what it discards, or would
// send to somebody else, is left alone.
func sends(way relay.Assignment, r relay.Recipient) bool {
	switch way.Action {
	case relay.RouteDiscard:
		return false
	case relay.RouteRedirect:
		return r.Address == way.RedirectTo
	}
	return true
}

// queue makes r due now by the way of today. A route that holds its mail does
// not hold what a person lets go. Where an outcome is unknown it goes to the
// upstream that may have it, if that is still one of its route.
func (sc scene) queue(r relay.Recipient) relay.Recipient {
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
