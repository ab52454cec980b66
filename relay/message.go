package relay

import (
	"io"
	"time"
)

// ID names a message in the spool: a ULID in its canonical text form, 26
// characters of Crockford's base 32. IDs sort by the time of acceptance.
type ID string

// Message is what is known of one accepted mail beside its recipients and its
// body. Once accepted it does not change.
type Message struct {
	ID        ID
	MessageID string // the Message-ID field as it stands, angle brackets included; "" if there is none
	Subject   string // the Subject field, unfolded, still encoded, cut to MaxSubject bytes

	// From is the envelope sender in the form it has between the angle
	// brackets on the wire (local part quoted where RFC 5321 wants it);
	// "" is the null sender.
	From string

	// Size and SHA256 are those of the body as stored, the Received line
	// included. The spool sets them while it takes the body in.
	Size   int64
	SHA256 [32]byte

	ReceivedAt time.Time
	Listener   string
	Client     string // the client's IP address, or "unix" for a unix socket
	User       string // who logged in; "" for nobody

	EightBit bool // BODY=8BITMIME was declared (RFC 6152)
	UTF8     bool // SMTPUTF8 was declared (RFC 6531)

	Return     string // RET of RFC 3461: "FULL", "HDRS" or ""
	EnvelopeID string // ENVID of RFC 3461, decoded; "" if none

	// Repaired says what was repaired when it was accepted, in words for
	// people, joined by "; ": "12 bare line ends; Message-ID added"; "" for
	// nothing.
	Repaired string

	// Content is what the body was found to hold when it was accepted.
	Content Content
}

// Signature is one DKIM-Signature header field or several (RFC 6376) for
// exactly the content that Fingerprint names, so that a later attempt at the
// same content neither signs again nor sends another signature.
type Signature struct {
	Fingerprint [32]byte // of the content as it is sent, the selectors and the keys
	Fields      string   // whole fields, each ended by CRLF, in the order in which they are sent
}

// MaxSubject bounds Message.Subject, in bytes.
const MaxSubject = 200

// Body gives access to the content of a message: header section and text, CRLF
// line ends, not dot-stuffed.
type Body interface {
	// Open starts a new read from the first byte. It may be called any number
	// of times, from several goroutines. The caller closes the reader.
	//
	// A reader that finds the stored bytes damaged returns an error that
	// matches ErrBodyDamaged, at the latest in place of io.EOF: who has not
	// read io.EOF must not hand the message on as complete.
	Open() (io.ReadCloser, error)

	// Size is the number of bytes that a whole read gives.
	Size() int64
}

// Assignment says which way a recipient goes: the outcome of routing.
type Assignment struct {
	Route     string
	Upstreams []string // in order of preference, never empty
	Priority  Priority
	ExpiresAt time.Time
	WarnAt    time.Time // when the sender is told of the delay; zero: never

	Action     RouteAction
	RedirectTo string // of RouteRedirect: the address that the mail goes to instead
}

// RouteAction is what a route does with mail.
type RouteAction uint8

// The actions of routes; all but the first are for staging systems.
const (
	RouteDeliver  RouteAction = iota
	RouteDiscard              // accepted and thrown away
	RouteHold                 // kept for an operator to release
	RouteRedirect             // sent to another address
)

// RouteQuery is what routing may look at. Header is nil while the header has
// not been read yet; it returns every value of a field, unfolded.
type RouteQuery struct {
	Sender    string
	Recipient string
	Listener  string
	User      string
	Client    string
	Header    func(name string) []string

	// Seed chooses where a route leaves something to chance: the id of the
	// message, so that all its recipients, today and after a restart, go the
	// same way.
	Seed string
}
