package bounce

import (
	"time"

	"relaykeep/relay"
)

// What Settings.To may be beside an address.
const (
	Sender = "sender"
	Nobody = "none"
)

// Settings say who is told, and what goes back. The zero value tells nobody.
type Settings struct {
	To   string // Sender, Nobody (or ""), or an address that is told in the sender's place
	Copy string // an address that gets every notice, too; "" for none
	From string // the address in the From field; "" for MAILER-DAEMON at the host's name
	Full bool   // the whole message goes back where its sender asked for nothing (RET)
}

// Options make a Reporter.
type Options struct {
	Hostname string              // our own name: Reporting-MTA, Message-ID, From
	Default  Settings            // of routes without their own
	Routes   map[string]Settings // by the name of the route
	Limit    Limit               // for each sender; the zero Limit is none
	Router   Router
	Table    string // fingerprint of the Router's table: see spool.Incoming
	NewID    func() relay.ID

	// RemoteHost gives the host of an upstream, by its name; "" or nil: not
	// known. A host that is an IP address has no brackets.
	RemoteHost func(upstream string) string

	// Meaning says in a sentence what the rule of a verdict means; "" or nil:
	// not known.
	Meaning func(rule string) string
}

// Limit is the number of notices in a time.
type Limit struct {
	N   int
	Per time.Duration
}

// Router finds the way of a notice.
type Router interface {
	// Way gives a recipient of a notice its route and state. Where no route
	// matches the query it goes the way of the route named failed, that of
	// the first recipient that the notice tells of. One that is discarded
	// comes back with the state relay.Deleted. kind and detail tell what the
	// route did beside delivering, "" for nothing. ok is false where there is
	// no way at all.
	Way(q relay.RouteQuery, to relay.Recipient, failed string, now time.Time) (r relay.Recipient, kind relay.EventKind, detail string, ok bool)
}
