package ingress

import (
	"context"
	"net/netip"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Options describe one listener. They are validated by relay/config.
type Options struct {
	Name      string
	Hostname  string   // in the banner and in Received lines
	Addresses []string // "host:port", "unix:/path" or "systemd:NAME"

	// Optional says that nobody chose the addresses: one that cannot be bound
	// is a warning, as long as another one can.
	Optional bool

	// Allow lists who may connect, unmapped addresses; a unix socket is always
	// allowed.
	Allow []netip.Prefix

	MaxMessageSize          int64 // bytes, as received
	MaxRecipients           int
	MaxConnections          int
	MaxConnectionsPerClient int
	RatePerClient           Rate // messages; the zero Rate is no limit
	IdleTimeout             time.Duration

	RejectBareNewline bool // refuse bare CR and LF instead of repairing them
	MinimalReceived   bool // no client address or name in the Received line
	HeaderPriority    bool // Importance and X-Priority choose the priority, see message.ReadControl

	TLS  *TLSOptions  // nil: no TLS is offered
	Auth *AuthOptions // nil: no AUTH is offered
}

// Rate is a number of messages in a time.
type Rate struct {
	N   int
	Per time.Duration
}

// TLSOptions describe the TLS of a listener. The files are read again when
// they change.
type TLSOptions struct {
	CertFile   string
	KeyFile    string
	Implicit   bool
	MinVersion uint16 // a crypto/tls constant
	Required   bool   // no mail before STARTTLS
}

// AuthOptions describe who logs in, and how.
type AuthOptions struct {
	UsersFile          string // read again when it changes
	Required           bool
	Exempt             []netip.Prefix // clients that need no login
	AllowPlaintextFrom []netip.Prefix // clients that may log in without TLS; loopback and unix always may
}

// Spool is where accepted mail goes: see spool.Store.
type Spool interface {
	Accept(ctx context.Context, in *spool.Incoming) error
}

// Router finds the way of a recipient.
type Router interface {
	// Possible reports whether some route may match, whatever the header
	// will say; q.Header is nil.
	Possible(q relay.RouteQuery) bool
	// Route gives the assignment; ok is false where no route matches.
	Route(q relay.RouteQuery, now time.Time) (a relay.Assignment, ok bool)
}

// Sink takes events (accepted, rejected, …). It does not block.
type Sink interface{ Emit(relay.Event) }

// What stands for a zero in Options.
const (
	defaultSize       = 50 << 20
	defaultRecipients = 1000
	defaultIdle       = 5 * time.Minute
)

func (o Options) withDefaults() Options {
	if o.MaxMessageSize <= 0 {
		o.MaxMessageSize = defaultSize
	}
	if o.MaxRecipients <= 0 {
		o.MaxRecipients = defaultRecipients
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = defaultIdle
	}
	return o
}
