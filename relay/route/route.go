package route

import (
	"net/netip"
	"time"

	"relaykeep/relay"
)

// Route is one way that mail may go.
type Route struct {
	Name      string
	Match     Match
	Upstreams []string // in order of preference, never empty
	Strategy  Strategy
	Weights   []int // of Balance: one for each of Upstreams, none negative; nil: all the same
	Priority  relay.Priority
	Expire    time.Duration // how long mail is tried; never 0 (the route's own, else its policy's)
	WarnAfter time.Duration // when the sender is told of a delay; 0: never

	Action     relay.RouteAction
	RedirectTo string // of relay.RouteRedirect
}

// Strategy says in which order the upstreams of a route are asked.
type Strategy uint8

// The strategies.
const (
	Failover Strategy = iota // in the order of the list
	Balance                  // in an order that is drawn for each message, by weight
)

// Match says which mail takes a route. All that is given must hold; the zero
// Match holds for all mail. Globs are those of spool.Glob and know no case.
// The null sender and the user of mail that nobody logged in for are the empty
// string: * matches them, and ?* does not.
type Match struct {
	Sender    []string       // globs
	Recipient []string       // globs
	Header    []HeaderMatch  // each must hold
	Listener  []string       // names, as they are written
	User      []string       // globs
	Client    []netip.Prefix // a client on a unix socket is in none
}

// HeaderMatch holds when some field of this name matches the glob.
type HeaderMatch struct {
	Name string
	Glob string
}
