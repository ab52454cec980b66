// Package upstream is the contract between the delivery room and whatever
// carries a message to a provider.
package upstream

import (
	"context"
	"errors"

	"relaykeep/relay"
)

// Transport carries messages to one upstream. All methods are safe for
// concurrent use; the caller bounds how many Deliver calls run at once.
type Transport interface {
	// Deliver makes one attempt to hand m to the recipients in to, in one
	// transaction, and returns one verdict per recipient, in their order. It
	// never retries (one fresh connection in place of a kept one that turned
	// out to be dead, before anything was answered, is no retry) and never
	// panics on what the other side says.
	//
	// m is the message as it is stored; what is sent is what h.Prepare gives.
	// Before the final dot it calls h.Mark exactly once, with the indexes into
	// to of the recipients that were accepted, as soon as they are known, and
	// it sends the final dot only after wait has returned nil. If wait fails,
	// nothing was delivered. If nobody was accepted Mark is not called.
	//
	// When ctx ends, Deliver breaks off at once: before the final dot the
	// verdicts are deferred, free and of rule "interrupted"; after it they are
	// unknown.
	Deliver(ctx context.Context, m relay.Message, to []relay.Recipient, h Handover) []relay.Verdict

	// Probe tries how far the upstream lets us come, up to and including the
	// login, without sending mail, on a connection of its own. A verdict of
	// class delivered says that all is well; Stage is the one that was
	// reached.
	Probe(ctx context.Context) relay.Verdict

	// Close ends the kept connections. Deliver must not be called any more.
	Close() error
}

// Handover is the caller's part of an attempt.
type Handover interface {
	// Prepare gives the message (its envelope sender may be another one) and
	// the content that a server with these capabilities gets. It is called
	// when the connection is open, before MAIL, and again for the fresh
	// connection in place of a dead one; ctx is that of Deliver. An error that
	// matches *Unsuitable settles all recipients by its verdict; any other
	// says that the stored body cannot be read.
	Prepare(ctx context.Context, c Capabilities) (relay.Message, relay.Body, error)

	// Mark records, durably, that the recipients at these indexes are about to
	// be sent to. It starts the work and returns; wait blocks until it is on
	// disk.
	Mark(accepted []int) (wait func() error)
}

// Prepared is a message as a server gets it.
type Prepared struct {
	Message relay.Message // its envelope sender may be another one than the stored
	Body    relay.Body

	// Signature is a new one that is to be kept; nil where one that was kept
	// has served, or none is wanted.
	Signature *relay.Signature
}

// Capabilities is what a server can carry.
type Capabilities struct {
	EightBit bool // content that is not ASCII: 8BITMIME (RFC 6152)
	UTF8     bool // addresses and header fields in UTF-8: SMTPUTF8 (RFC 6531)
}

// Unsuitable is the error of a message that cannot be made fit for a server.
type Unsuitable struct{ Verdict relay.Verdict }

// Error is the text of the verdict.
func (u *Unsuitable) Error() string { return u.Verdict.Text }

// ErrLoginRefused is matched by the error of an Answer that is about the
// credentials, not the connection: a token endpoint refuses them. Waiting does
// not mend it.
var ErrLoginRefused = errors.New("the login is refused")

// Answer is what came back from an upstream, before anything is made of it:
// the input of classification.
type Answer struct {
	Provider string // which pack of rules applies: "generic", "ses", …
	Stage    relay.Stage
	Code     int    // 0 where no reply came
	Enhanced string // "" where the reply has none
	Text     string // lines joined by "\n", without codes; untrusted
	Err      error  // why there is no reply; nil where there is one

	// DotSent means that the final dot was handed to the network: from then
	// on the lack of an answer is an unknown outcome.
	DotSent bool
}

// Classifier makes a verdict of an answer. It is a pure function, safe for
// concurrent use. Code, Enhanced, Stage and Text of the verdict are those of
// the answer, Text escaped and bounded.
type Classifier func(Answer) relay.Verdict
