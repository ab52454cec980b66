package relay

import (
	"fmt"
	"strings"
	"time"
)

// State is where a recipient stands.
type State uint8

// The states of a recipient. Queued is due now or later; a message is finished
// when each of its recipients is in a state for which Finished is true.
// Sending is never stored: it is a queued recipient under a lease.
const (
	Queued State = iota
	Sending
	Delivered
	Bounced
	Expired
	Held
	Deleted
)

var stateNames = []string{"queued", "sending", "delivered", "bounced", "expired", "held", "deleted"}

// String gives the contract's name of s.
func (s State) String() string { return nameOf(stateNames, uint8(s)) }

// MarshalText gives the contract's name of s.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the contract's name of a state.
func (s *State) UnmarshalText(b []byte) error { return fromName((*uint8)(s), stateNames, "state", b) }

// Finished reports whether nothing more will happen to a recipient by itself
// or by an operator's release.
func (s State) Finished() bool {
	return s == Delivered || s == Bounced || s == Expired || s == Deleted
}

// Priority orders mail within a lane. The zero value is Normal.
type Priority int8

// The priorities, in the order in which they are sent.
const (
	High   Priority = -1
	Normal Priority = 0
	Low    Priority = 1
)

// String gives the contract's name of p.
func (p Priority) String() string {
	switch {
	case p < Normal:
		return "high"
	case p > Normal:
		return "low"
	}
	return "normal"
}

// MarshalText gives the contract's name of p.
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the contract's name of a priority.
func (p *Priority) UnmarshalText(b []byte) error {
	switch string(b) {
	case "high":
		*p = High
	case "normal":
		*p = Normal
	case "low":
		*p = Low
	default:
		return fmt.Errorf("unknown priority %q", b)
	}
	return nil
}

// HoldOperator is the HoldReason of what an operator holds.
const HoldOperator = "held by an operator"

// HoldRestored is the HoldReason of what was unfinished in a backup that was
// restored: it may have been sent since.
const HoldRestored = "restored from a backup"

// HoldSalvaged is the HoldReason of what was found on a page of a damaged spool
// that nothing pointed to any more, or in a spool whose last commit may be lost:
// it may have been sent since.
const HoldSalvaged = "salvaged from a damaged spool"

const holdByRoute = "held by route "

// HoldByRoute is the HoldReason of what a route holds because that is its
// action.
func HoldByRoute(route string) string { return holdByRoute + route }

// HeldOnPurpose reports whether this HoldReason says that somebody wants the
// mail to be held, an operator (who restored or salvaged it, perhaps) or whoever configured
// its route, and nothing is wrong with it. The clock of ExpiresAt stands still then.
func HeldOnPurpose(reason string) bool {
	return reason == HoldOperator || reason == HoldRestored || reason == HoldSalvaged || strings.HasPrefix(reason, holdByRoute)
}

// Recipient is one recipient of a message and its own fate.
type Recipient struct {
	Address string // as in Message.From: without angle brackets, quoted where RFC 5321 wants it

	// Notify and OriginalRecipient are NOTIFY and ORCPT of RFC 3461: a comma
	// separated list ("SUCCESS,FAILURE", "NEVER") and "type;address".
	Notify            string
	OriginalRecipient string

	State    State
	Route    string
	Priority Priority

	// Eligible are the upstreams that may be asked, in order: the chain of the
	// due index. One that failed for a while goes to the end; one that refuses
	// for good is taken out. When each has had its turn the round is over, and
	// the list of the route stands in its own order again, after a backoff.
	Eligible []string

	NextAttempt time.Time // while queued: not before
	ExpiresAt   time.Time
	WarnAt      time.Time // when a delay warning is due; zero: none, or it was given

	// Attempts counts those that cost the recipient one (see Verdict.Free);
	// Failures those at the first upstream of Eligible since it was first
	// asked in this round; InDoubt the unknown outcomes.
	Attempts int
	Failures int
	InDoubt  int

	Upstream string // of the last attempt
	RemoteID string // what the provider called the message in its 250
	Last     Verdict
	LastAt   time.Time

	// HoldReason says why a recipient is held, in words for people; Incident is
	// the number of the incident that holds it, 0 for none.
	HoldReason string
	Incident   int64
	FinishedAt time.Time

	// Reported says of a finished recipient that the sender was told, by a
	// notification, what became of it, or need not be.
	Reported bool
}
