package main

import (
	"fmt"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// whatNext says what happens to a recipient now, and when.
func whatNext(r admin.Recipient, now time.Time) string {
	switch r.State {
	case relay.Queued:
		return nextAttempt(r, now) + expiry(r, now)
	case relay.Sending:
		return "it is being sent to " + r.Upstream + " at this moment"
	case relay.Held:
		if relay.HeldOnPurpose(r.HoldReason) { // which stops the clock
			return heldNext(r)
		}
		return heldNext(r) + expiry(r, now)
	case relay.Delivered:
		return "nothing: " + r.Upstream + " has taken it"
	case relay.Bounced:
		return "nothing: it was given up, and is not tried again"
	case relay.Expired:
		return "nothing: its time is over"
	}
	return "nothing: it was deleted"
}

func nextAttempt(r admin.Recipient, now time.Time) string {
	s := "attempt"
	if r.Attempts > 0 {
		s = fmt.Sprintf("attempt %d", r.Attempts+1)
	}
	if r.Upstream != "" {
		s += " at " + r.Upstream
	}
	if len(r.Eligible) > 1 {
		s += " (where that is down, " + strings.Join(r.Eligible[1:], ", then ") + ")"
	}
	if !r.NextAttempt.After(now) {
		return s + " as soon as it takes mail"
	}
	return fmt.Sprintf("%s %s, at %s", s, until(r.NextAttempt.Time, now), clock(r.NextAttempt.Time, now))
}

// heldNext says what a held recipient waits for.
func heldNext(r admin.Recipient) string {
	switch {
	case r.Incident > 0:
		return fmt.Sprintf("it waits for incident %d to end: relaykeep incident show %d", r.Incident, r.Incident)
	case relay.HeldOnPurpose(r.HoldReason):
		return "it waits until somebody releases it, however long"
	}
	return "it waits until somebody releases it"
}

// expiry says when the time of a recipient is over.
func expiry(r admin.Recipient, now time.Time) string {
	if r.ExpiresAt.IsZero() {
		return ""
	}
	return fmt.Sprintf("; it expires %s, at %s", until(r.ExpiresAt.Time, now), clock(r.ExpiresAt.Time, now))
}
