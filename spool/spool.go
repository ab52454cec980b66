// Package spool is the contract of the store that keeps mail between the
// client's 250 and the upstream's, and the records and filters that go with
// it.
//
// Every store passes the conformance suite of spool/spooltest.
package spool

import (
	"context"
	"errors"
	"time"

	"relaykeep/relay"
)

// Errors that a store returns. Match them with errors.Is.
var (
	// ErrFull: there is no room for more mail (the configured size, or the
	// disk). What is in the spool goes on being delivered.
	ErrFull = errors.New("the spool is full")

	// ErrNotFound: no message has this id.
	ErrNotFound = errors.New("no such message")

	// ErrDuplicate: the same message came before under the same key (see
	// Dedupe), and is in the store or was.
	ErrDuplicate = errors.New("the message came before")

	// ErrFailed: a commit failed in a way that leaves its outcome unknown.
	// The store refuses everything from then on; see Store.Failed.
	ErrFailed = errors.New("the spool has failed")

	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the spool is closed")
)

// Store keeps messages. All methods are safe for concurrent use.
//
// One process owns a store. Leases (what is being sent) live in its memory and
// end with it; marks are durable.
type Store interface {
	// Accept takes a message in. It reads in.Body to its end, in bounded
	// memory, and returns nil only when envelope, recipients, body, events,
	// key and due index are on disk. If the body fails, its error is returned
	// as it is (wrapped) and nothing is kept. ctx bounds the wait up to the
	// moment where the message has joined a commit, not that of the commit
	// itself.
	//
	// Where the key and the digest of in.Dedupe came before and are not
	// forgotten, nothing is stored and the error matches ErrDuplicate, once
	// the message of before is on disk: of two that come at the same time
	// exactly one is new. A differing digest makes a new message, which takes
	// the key over. Either sets Dedupe.Before.
	Accept(ctx context.Context, in *Incoming) error

	// Open says whether a lane (an upstream, by name) takes mail now. A
	// recipient is offered to the first open lane among its Eligible; lanes
	// are closed until they are opened.
	Open(lane string, open bool)

	// Ready returns the channel that gets a token when there may be something
	// new for the lane: mail became due or was queued, or lanes opened or
	// closed. The same channel every time, of capacity one.
	Ready(lane string) <-chan struct{}

	// Claim leases what is due for the lane now: at most limit.Messages
	// deliveries of at most limit.Recipients recipients each, high priority
	// first; now and then a claim begins with the lowest, so that it does not
	// starve. It never waits for mail: when it returns fewer than asked for,
	// next is when the next one becomes due (the zero time: nothing is
	// waiting). Each delivery must be given back by Settle or Release. The
	// cost does not grow with the length of the queue.
	Claim(ctx context.Context, lane string, limit Limit) (due []Delivery, next time.Time, err error)

	// Mark records that d is about to be sent to the recipients at these
	// indexes into d.Recipients. It starts the commit; wait blocks until the
	// record is on disk. A signature that the attempt made rides in the mark
	// (nil: none, or one of d.Signatures), so that it outlives a crash: a
	// doubt hands it out. Settle keeps it, as it does Settlement.Signature.
	Mark(d *Delivery, accepted []int, made *relay.Signature) (wait func() error)

	// Settle writes what an attempt did: the recipients' new values, in the
	// order of d.Recipients, the events and the notices, in one transaction,
	// which also removes d's mark, and the body if the last recipient is
	// finished. It ends the lease, and carries out what an operator has wanted
	// of the recipients meanwhile (see Settlement.Intend). It is never refused for lack of room.
	// Where the message is gone nothing is written.
	Settle(ctx context.Context, d *Delivery, s Settlement) error

	// Release gives a lease back without any change. A report that another
	// delivery has left to this one (see Settlement.Report) comes with
	// Expired.
	Release(d *Delivery)

	// Doubts leases, at start, every delivery that has a mark of an earlier
	// process: each was about to be sent and nobody knows the outcome.
	// d.Recipients are those of the mark. Each must be settled.
	Doubts(ctx context.Context) ([]Delivery, error)

	// Expired leases up to max deliveries with recipients that are queued, or
	// held otherwise than on purpose (relay.HeldOnPurpose), and past ExpiresAt or
	// WarnAt: one delivery per message, lane "". One without any recipients
	// is there to be settled with a Settlement.Report: it was due when others
	// of the message were being sent, and is still. next is when the next
	// message is to be looked at.
	Expired(ctx context.Context, now time.Time, max int) (past []Delivery, next time.Time, err error)

	// UseTable names the routing table of today by a fingerprint. What was
	// queued under another one is offered to no lane until Reroute has seen
	// it. Who routes must use the new table before this is called: what is
	// assigned while it is called may belong to either.
	UseTable(fingerprint string)

	// Stale gets a token when something waits under another routing table than
	// today's: Reroute is wanted. One who was on its way through the door when
	// the table changed comes after the others. A token may be there for nothing.
	Stale() <-chan struct{}

	// Reroute calls assign for each message queued under another routing
	// table, in bounded batches, and stores the recipients that it returns (a
	// slice of the same length), and the events with them. Messages that are
	// being sent are waited for. stored, which may be nil, is called with the
	// events of each batch once they are on disk. It returns how many messages
	// it stored.
	Reroute(ctx context.Context, assign func(relay.Message, []relay.Recipient) ([]relay.Recipient, []relay.Event), stored func([]relay.Event)) (int, error)

	// Body gives access to the body of a message. It does not look for it:
	// Open of what is returned does.
	Body(m relay.Message) relay.Body

	// Get reads one message, finished ones of the history too, with its
	// events, oldest first.
	Get(ctx context.Context, id relay.ID) (Entry, error)

	// List calls fn for each message that f selects, oldest first, without its
	// events, until fn returns an error, which List returns. No transaction
	// stays open while fn runs.
	List(ctx context.Context, f Filter, fn func(Entry) error) error

	// Act changes, oldest message first and in bounded batches, the recipients
	// that f selects, finished ones of the history too where f does. change is
	// called for each message outside of any transaction, while the selected
	// recipients are leased for it; what it returns is stored as by Settle (but
	// for Signature and LaneState), and done is called with it once it is on
	// disk. nil leaves the message as it is. Recipients that are made queued
	// belong to today's routing table. A finished one may be made queued again
	// while HasBody.
	//
	// Neither function may call the store's Act. The first error ends it; what
	// was done before stays done.
	Act(ctx context.Context, f Filter, change func(Selected) *Settlement, done func(Selected, *Settlement, []Notice)) error

	// Stats counts what is in the store, at a cost that does not depend on
	// how much that is.
	Stats(ctx context.Context) (Stats, error)

	// OpenIncident opens an incident, durably, and gives it its number. Where
	// one of the same cause is open already it is returned as it is, and opened
	// is false; one that was closed is opened again under its old number, with
	// the verdict and the detail of now.
	OpenIncident(ctx context.Context, i relay.Incident) (as relay.Incident, opened bool, err error)

	// CloseIncident closes an incident, durably; ErrNotFound where it is not
	// open. What it holds stays held until ReleaseIncident.
	CloseIncident(ctx context.Context, number int64, by string) (relay.Incident, error)

	// Incidents gives the open incidents, or all, by number, with the number
	// of recipients that each holds (counted up to MaxHeldCount).
	Incidents(ctx context.Context, all bool) ([]relay.Incident, error)

	// ReleaseIncident gives every recipient that names an incident and is held
	// the value that assign returns, in bounded batches: queued again, or held
	// by another incident. What it redirects is ended where another recipient
	// of the message gets it (relay.MergeRedirected). They are found by an
	// index. assign is called outside of any transaction, and again where the message has changed
	// meanwhile.
	ReleaseIncident(ctx context.Context, number int64, assign func(relay.Message, relay.Recipient) relay.Recipient) (int, error)

	// ReleaseOne is ReleaseIncident for one message: the nth (from 0), counted
	// round, of the first that the incident holds. It gives how many recipients
	// that were.
	ReleaseOne(ctx context.Context, number int64, nth int, assign func(relay.Message, relay.Recipient) relay.Recipient) (int, error)

	// LaneState gives what was kept for a lane by KeepLaneState or by a
	// settlement, nil if nothing was.
	LaneState(ctx context.Context, lane string) ([]byte, error)

	// KeepLaneState stores a few bytes for a lane, durably: what a scheduler
	// must know of it after a restart.
	KeepLaneState(ctx context.Context, lane string, state []byte) error

	// Failed is closed when the store has failed (ErrFailed); Err then says
	// why. The process should end and start again.
	Failed() <-chan struct{}
	Err() error

	// Close waits for the commits under way and ends the store.
	Close() error
}

// Limit bounds a claim. The numbers must be positive.
type Limit struct {
	Messages   int
	Recipients int  // of each delivery
	OneDomain  bool // those of a delivery have one domain
}

// Cut takes the first delivery off the places that are free among the
// recipients of a message. Both keep their order, in slices of their own where
// OneDomain makes them differ from free.
func (l Limit) Cut(all []relay.Recipient, free []int) (first, rest []int) {
	if !l.OneDomain {
		n := min(len(free), l.Recipients)
		return free[:n:n], free[n:]
	}
	domain := relay.Domain(all[free[0]].Address)
	for _, i := range free {
		if len(first) < l.Recipients && relay.Domain(all[i].Address) == domain {
			first = append(first, i)
		} else {
			rest = append(rest, i)
		}
	}
	return first, rest
}

// Delivery is a lease on some recipients of a message: nobody else is offered
// them until it is settled or released. The caller owns it and must not change
// it.
type Delivery struct {
	Message    relay.Message
	Recipients []relay.Recipient
	Index      []int             // the places of Recipients among those of the message
	Others     bool              // the message has recipients beside these, finished ones among them
	Lane       string            // the upstream that it was claimed for
	Attempt    int               // the number of this attempt at the message, from 1
	Signatures []relay.Signature // those that earlier attempts have made
	MarkedAt   time.Time         // of a doubt: when the mark was made

	// Intents are those of Recipients that an attempt has left behind which was
	// given back, or ended with its process. Who has one is not to be sent to,
	// but to be settled as it is, with a Settlement.Intend.
	Intents []Intent

	Lease uint64 // the store's own
}

// Selected is what an operator acts on: the recipients of a message that a
// Filter selects. Those that are being sent are named beside the delivery and
// cannot be changed: what is wanted of them is left as Settlement.Intents.
type Selected struct {
	Delivery
	Sending      []relay.Recipient
	SendingIndex []int             // the places of Sending among those of the message
	All          []relay.Recipient // of the message; those under a lease have the state Sending
	Wanted       []Intent          // all intents that there are
	HasBody      bool
}

// Settlement is the outcome of a delivery.
type Settlement struct {
	Recipients []relay.Recipient // as long as Delivery.Recipients, in the same order
	Events     []relay.Event

	// Signature is one that the attempt made; nil for none. It is kept with
	// the record while the message is unfinished: the newest eight are, one
	// for each fingerprint.
	Signature *relay.Signature

	// Notices are stored as if they had been accepted, and can be claimed
	// once the settlement is on disk.
	Notices []Notice

	// Report, where it is set, gives the notices that are due when recipients
	// are finished. It is called in the transaction, when no other delivery
	// of the message is leased, with all recipients that are finished and not
	// Reported, in their order, if there are any; they are Reported from then
	// on, and what it gives is stored with Notices. Where others are leased,
	// or due and not tried yet (for a minute at most), the last settlement
	// reports for all, or Expired hands it out: so a message whose recipients
	// go in many deliveries gives one bounce.
	//
	// It must be quick and change nothing: it may be called more than once,
	// and what it gave is stored only where Written says so.
	Report func(finished []relay.Recipient) []Notice

	// Written, where it is set, is called before Settle returns nil, with the
	// notices that are on disk now, if there are any.
	Written func([]Notice)

	// Intents, of Act alone, are kept until the recipients in
	// Selected.Sending are settled; for those that are by now, they are carried
	// out at once.
	Intents []Intent

	// Intend, where it is set, carries out the intents of recipients that are
	// settled, before Report looks at them: it changes those of to, which are
	// all recipients of the message, and gives the events, which are stored,
	// and handed to Written as the Told of a notice. It is called in the
	// transaction, as Report is. Without it the intents stay.
	Intend func(to []relay.Recipient, wanted []Intent) []relay.Event

	// LaneState, where it is set, gives what is kept for Delivery.Lane in the
	// same transaction. It is called when that is written, maybe more than
	// once, so that the newest state is stored; nil bytes store nothing.
	LaneState func() []byte
}

// MaxHeldCount bounds the counting of what an incident holds.
const MaxHeldCount = 10_000

// Entry is one message as the store knows it.
type Entry struct {
	Message    relay.Message
	Recipients []relay.Recipient // those under a lease have the state Sending
	Events     []relay.Event     // oldest first; only from Get
	HasBody    bool              // only from Get
}

// Finished reports whether every recipient is.
func (e Entry) Finished() bool {
	for _, r := range e.Recipients {
		if !r.State.Finished() {
			return false
		}
	}
	return true
}

// Stats are the counts of a store.
type Stats struct {
	Messages   int64 // unfinished ones
	History    int64 // finished ones that are still listed
	Recipients []Count
	Oldest     time.Time // when the oldest unfinished message was received; zero if there is none
	BodyBytes  int64     // of the unfinished messages

	FileBytes int64 // size of the spool file
	UsedBytes int64 // of it, what is in use
	FreePages int64
	PageSize  int
}

// Count is the number of recipients in a state at an upstream: the next one to
// be asked while queued, else the last one that was.
type Count struct {
	State    relay.State `json:"state"`
	Upstream string      `json:"upstream"`
	N        int64       `json:"recipients"`
}
