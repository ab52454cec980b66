package spool

import (
	"io"
	"time"

	"relaykeep/relay"
)

// Incoming is a message on its way into a store.
//
// Message.ID must be set from the start, and fresh (NewID). All else but Body
// is looked at only after Body was read to its end: its reader may complete it
// until it gives io.EOF.
type Incoming struct {
	Message *relay.Message // the store sets Size and SHA256

	// Recipients, at least one, are queued, held or finished. When all are
	// finished the message goes to the history at once, without its body.
	Recipients []relay.Recipient

	// Events are stored with the message: what was repaired, what the routes
	// did with it.
	Events []relay.Event

	Body io.Reader

	// Table is the fingerprint of the routing table that the recipients were
	// given their way by; "": that of today. See Store.UseTable.
	Table string

	Dedupe *Dedupe // nil: it is new, whatever came before
}

// Dedupe is what a message is known again by when its client sends it twice.
type Dedupe struct {
	Key    [32]byte  // hash of who sends it (the user, else the client) and of the key that was given
	Digest [32]byte  // hash of envelope and content as they were received
	Until  time.Time // how long it is remembered

	// Before is set by Accept: the message that came under this key before,
	// "" if there is none.
	Before relay.ID
}

// Notice is a message of our own that is stored in the transaction that gives
// rise to it: a bounce, a delay warning. One without Message has nothing but
// Told: it says why nobody is written to.
type Notice struct {
	Message    *relay.Message // with a fresh ID; the store sets Size and SHA256
	Recipients []relay.Recipient
	Table      string        // see Incoming
	Body       []byte        // at most MaxNotice
	Events     []relay.Event // stored with the notice
	Told       []relay.Event // stored with the message that is settled
}

// News gives what there is to tell of a notice that is in the spool, or of why
// there is none.
func (n *Notice) News() []relay.Event {
	if n.Message == nil {
		return n.Told
	}
	return n.Events
}

// MaxNotice bounds Notice.Body, in bytes.
const MaxNotice = 1 << 20
