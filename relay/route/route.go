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
	Priority  relay.Priority
	Expire    time.Duration // how long mail is tried; never 0 (the route's own, else its policy's)
}

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
