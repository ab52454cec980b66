package delivery

import (
	"context"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream"
)

// Spool is what the scheduler needs of spool.Store; its contract is there.
type Spool interface {
	Open(lane string, open bool)
	Ready(lane string) <-chan struct{}
	Claim(ctx context.Context, lane string, limit spool.Limit) ([]spool.Delivery, time.Time, error)
	Mark(d *spool.Delivery, accepted []int, made *relay.Signature) (wait func() error)
	Settle(ctx context.Context, d *spool.Delivery, s spool.Settlement) error
	Release(d *spool.Delivery)
	Doubts(ctx context.Context) ([]spool.Delivery, error)
	Expired(ctx context.Context, now time.Time, max int) ([]spool.Delivery, time.Time, error)
	Body(m relay.Message) relay.Body
	OpenIncident(ctx context.Context, i relay.Incident) (as relay.Incident, opened bool, err error)
	CloseIncident(ctx context.Context, number int64, by string) (relay.Incident, error)
	Incidents(ctx context.Context, all bool) ([]relay.Incident, error)
	ReleaseIncident(ctx context.Context, number int64, assign func(relay.Message, relay.Recipient) relay.Recipient) (int, error)
	ReleaseOne(ctx context.Context, number int64, nth int, assign func(relay.Message, relay.Recipient) relay.Recipient) (int, error)
	LaneState(ctx context.Context, lane string) ([]byte, error)
	KeepLaneState(ctx context.Context, lane string, state []byte) error
}

// Sink takes events. It does not block.
type Sink interface{ Emit(relay.Event) }

// Lane describes one upstream to the scheduler.
type Lane struct {
	Name           string
	Transport      upstream.Transport // owned by the caller
	MaxConnections int                // how many attempts at once
	MaxRecipients  int                // per attempt
	Breaker        Breaker
	Prepare        Preparer // what is done to mail on its way there; nil: it goes as it is stored
	Keep           bool     // of Apply: the lane of this name goes on as it is, only Prepare is of now

	// Pace and Quota bound what it is given; nil: nothing does. The lane owns
	// them. A rate makes its mail wait; a quota that is used up closes it.
	Pace           Pace
	Quota          Meter
	PaceByMessage  bool // it counts messages, else recipients
	QuotaByMessage bool // so with the quota
}

// Breaker says when an upstream is left alone.
type Breaker struct {
	Failures    int           // distinct messages in a row that the upstream is to blame for, MaxFailures at most
	Cooldown    time.Duration // the first; it doubles up to MaxCooldown
	MaxCooldown time.Duration
}

// Route is what the scheduler needs to know of a route.
type Route struct {
	Upstreams     []string
	Order         func(seed string) []string // the Upstreams in the order for a message, by its id; nil: as they stand
	Retry         Retry
	FailoverAfter int // temporary failures of a message at one upstream before the next is tried, at least 1
	InDoubt       InDoubt
}

// Retry says when a deferred recipient is tried again. retry.Policy is one.
type Retry interface {
	// Delay is the time until the next attempt after this many attempts (at
	// least 1), spread by random, which is in [0, 1). ok is false when there
	// is to be no further attempt.
	Delay(attempts int, random float64) (d time.Duration, ok bool)
}

// InDoubt is what follows a first unknown outcome. A second one for the same
// recipient holds it, whatever the policy.
type InDoubt uint8

// The policies.
const (
	InDoubtRetry    InDoubt = iota // once more, at the same upstream
	InDoubtHold                    // hold at once
	InDoubtFailover                // the next upstream: a second copy by another way is possible
)

// Options make a Scheduler.
type Options struct {
	Spool Spool
	Sink  Sink
	Plan  // the first: see Apply

	// Reassign routes a recipient whose route is gone, by the configuration
	// of today; ok is false where no route matches.
	Reassign func(m relay.Message, r relay.Recipient, now time.Time) (relay.Assignment, bool)

	// Intend carries out what an operator wanted of recipients while they were
	// being sent, and gives what there is to tell: see spool.Settlement.Intend.
	// nil: it waits, and they are sent to again meanwhile.
	Intend func(m relay.Message, to []relay.Recipient, wanted []spool.Intent, now time.Time) []relay.Event

	DrainTime time.Duration // how long Stop waits for attempts under way; 0: 30 s

	// Random spreads delays: a number in [0, 1), from any goroutine. nil:
	// math/rand/v2.
	Random func() float64
}
