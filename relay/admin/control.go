package admin

import (
	"context"
	"errors"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Control is what an operator can do to the lanes of the running daemon. All
// methods are safe for concurrent use. Who does something is told by by.
type Control interface {
	// Upstreams gives all upstreams, in the order of the configuration. The
	// names that the other methods take are theirs.
	Upstreams() []Upstream

	// Pause stops sending to an upstream, durably, until Resume.
	Pause(ctx context.Context, upstream, by string) error
	Resume(ctx context.Context, upstream, by string) error

	// Probe tries an upstream without sending mail, now. A verdict of class
	// delivered says that it works.
	Probe(ctx context.Context, upstream string) (relay.Verdict, error)

	// Resolve closes an incident and releases what it held; it gives the
	// incident and the number of recipients released. The error matches
	// spool.ErrNotFound where no such incident is open.
	Resolve(ctx context.Context, number int64, by string) (relay.Incident, int, error)
}

// Actor does to mail in the spool what an operator wants. who is told in the
// events that it stores.
type Actor interface {
	// Act does what is ordered to the recipients that f selects; see Acted. It
	// is bounded by ctx only, and what it has done before an error stays done.
	// The error matches ErrNoAction where there is no such action, ErrBadOrder
	// where it cannot be carried out.
	Act(ctx context.Context, order Order, f spool.Filter, who string) (Acted, error)
}

// Errors that an Actor returns.
var (
	ErrNoAction = errors.New("no such action")    // of the name of an action that there is not
	ErrBadOrder = errors.New("cannot be ordered") // of an address that is missing, malformed, or of no use
)

// Order is what an operator wants done to mail.
type Order struct {
	Action string
	To     string // of the action redirect, and of no other: the address
}

// Acted counts what an action did.
type Acted struct {
	Action     string `json:"action"`
	Messages   int    `json:"messages"`   // with a recipient that was changed
	Recipients int    `json:"recipients"` // that were changed
	Sending    int    `json:"sending"`    // being sent: applied when the attempt ends, where it does not deliver; retry and release have nothing to do
	Unfit      int    `json:"unfit"`      // in a state in which there is nothing to do: left alone
}

// Sink takes events. It does not block. See relay/event.
type Sink interface{ Emit(relay.Event) }

// Upstream is an upstream object: what is known of one of the daemon's lanes.
// Its keys are a public contract.
type Upstream struct {
	Name   string        `json:"name"`
	State  UpstreamState `json:"state"`
	Reason string        `json:"reason"` // why it is not up, in words; "" while it is
	Until  Time          `json:"until"`  // when it is asked again by itself; null: not known, or it is up

	PausedBy string `json:"paused_by"` // "" where no operator has paused it
	Incident int64  `json:"incident"`  // the open incident that disables it; 0 for none
	Breaker  string `json:"breaker"`   // "closed", "open" or "half-open"

	InFlight    int    `json:"in_flight"`   // connections that are sending
	Connections int    `json:"connections"` // how many may be, at this time
	Rate        string `json:"rate"`        // as in "14/s", at this time; "" for no bound

	QuotaRemaining *int64   `json:"quota_remaining"` // null: it has no quota
	Last           *Verdict `json:"last"`            // what turned its breaker last; null: nothing did
}

// UpstreamState says whether an upstream is asked.
type UpstreamState string

// The states of an upstream. Where several hold the strongest is told: paused,
// disabled, quota, down, slow.
const (
	UpstreamUp       UpstreamState = "up"
	UpstreamSlow     UpstreamState = "slow"     // it wants to be asked less: fewer connections, a lower rate, and nothing until Until
	UpstreamDown     UpstreamState = "down"     // its breaker is not closed; it is tried by itself
	UpstreamQuota    UpstreamState = "quota"    // its quota is used up
	UpstreamDisabled UpstreamState = "disabled" // for a reason that waiting does not mend: probed now and then
	UpstreamPaused   UpstreamState = "paused"   // by an operator
)

// Change is the answer to pause and resume.
type Change struct {
	Changed  bool     `json:"changed"` // false: it was so before
	Upstream Upstream `json:"upstream"`
}

// ProbeResult is the answer to a probe.
type ProbeResult struct {
	Upstream string  `json:"upstream"`
	OK       bool    `json:"ok"`
	Verdict  Verdict `json:"verdict"`
}

// Resolved is the answer to resolve.
type Resolved struct {
	Incident Incident `json:"incident"`
	Released int      `json:"released"` // recipients
}

// maxProbe bounds a probe: who asks for it waits for it.
const maxProbe = time.Minute
