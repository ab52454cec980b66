package spool

import (
	"strings"
	"time"

	"relaykeep/relay"
)

// Record is a message as a store writes it: what does not change beside what
// does.
type Record struct {
	Message    relay.Message
	Recipients []relay.Recipient
	Table      string // fingerprint of the routing table that the recipients were assigned by
}

// Finished reports whether every recipient is.
func (r *Record) Finished() bool { return Entry{Recipients: r.Recipients}.Finished() }

// Failed reports whether some recipient was bounced or has expired, so that
// the body is worth keeping for a while.
func (r *Record) Failed() bool {
	for i := range r.Recipients {
		if s := r.Recipients[i].State; s == relay.Bounced || s == relay.Expired {
			return true
		}
	}
	return false
}

// Expiry is when the next recipient runs out of time; ok is false where none
// can.
func (r *Record) Expiry() (at time.Time, ok bool) {
	for i := range r.Recipients {
		if p := &r.Recipients[i]; Expires(p) && (!ok || p.ExpiresAt.Before(at)) {
			at, ok = p.ExpiresAt, true
		}
	}
	return at, ok
}

// Expires reports whether the time of a recipient runs: while it is queued, or
// held for any other reason than an operator's wish.
func Expires(r *relay.Recipient) bool {
	if r.ExpiresAt.IsZero() {
		return false
	}
	return r.State == relay.Queued || r.State == relay.Held && r.HoldReason != relay.HoldOperator
}

// Chain is the name of the list of upstreams that r may still be sent by:
// recipients with the same one wait in the same line.
func Chain(r *relay.Recipient) string { return strings.Join(r.Eligible, "\x00") }

// ChainLanes gives the list back.
func ChainLanes(chain string) []string {
	if chain == "" {
		return nil
	}
	return strings.Split(chain, "\x00")
}
