package config

import (
	"io/fs"
	"time"

	"relaykeep/relay/bounce"
	"relaykeep/relay/delivery"
	"relaykeep/relay/filter"
	"relaykeep/relay/ingress"
	"relaykeep/relay/quota"
	"relaykeep/relay/retry"
	"relaykeep/relay/route"
	"relaykeep/upstream/classify"
	"relaykeep/upstream/smtp"
)

// Config is a valid configuration. It belongs to the caller; nothing in it is
// shared with another one.
type Config struct {
	Hostname  string
	Listeners []Listener // at least one
	Spool     Spool
	Upstreams []Upstream // at least one, in file order
	Routes    []Route    // at least one, in file order: the first that matches wins
	Retries   map[string]retry.Policy
	Bounce    bounce.Settings  // of routes without their own
	Packs     []classify.Pack  // own rules, in file order; good for classify.New
	DKIM      []DKIM           // the domains whose mail is signed, in file order; see Config.Signing
	Filters   []filter.Options // in the order in which they are asked
	Dedupe    *ingress.Dedupe  // nil: a message that comes twice is two
	Admin     Admin
	Metrics   Metrics
	Log       Log

	// Warnings are about settings that work but are weak or have no effect, in
	// file order.
	Warnings Diagnostics
}

// Listener is one listener.
type Listener struct {
	ingress.Options

	// Default says that nobody chose the addresses: one that cannot be opened
	// (a machine without IPv6, no /run/relaykeep) is worth a warning, as long
	// as another one can.
	Default bool
}

// Spool says where mail is kept, and how much of it.
type Spool struct {
	Path        string
	MaxSize     int64         // bytes
	MinFreeDisk int64         // bytes, 0: no reserve
	History     time.Duration // 0: finished messages are not listed
	KeepFailed  time.Duration // at most History
	NoSync      bool
	Backup      *Backup // nil: none is made
}

// Backup says how backups of the spool are made by themselves.
type Backup struct {
	Every  time.Duration // at least a minute
	Keep   int           // how many, at least 1
	Folder string
}

// Upstream is one provider.
type Upstream struct {
	smtp.Options
	MaxRecipients int // per transaction
	Breaker       delivery.Breaker

	Rate           quota.Limit   // the zero Limit: as fast as it takes
	Quota          []quota.Limit // all hold
	RateByMessage  bool          // Rate counts messages, else recipients
	QuotaByMessage bool          // so with Quota

	Sign     bool     // with DKIM, where a key fits
	Unsigned []string // header fields that the provider replaces

	Rewrite           Rewrite
	RefusesNullSender bool // the provider takes no mail from <>: see Config.Outgoing
}

// Route is one way that mail may go.
type Route struct {
	route.Route
	RetryName     string           // a key of Config.Retries
	Bounce        *bounce.Settings // nil: those of Config
	FailoverAfter int              // at least 1
	InDoubt       delivery.InDoubt
}

// Admin says where the admin API is, and for whom.
type Admin struct {
	Socket string
	Group  string // "": that of the process
	Mode   fs.FileMode
}

// Metrics says where numbers are given out.
type Metrics struct {
	Address string // host:port; "": nowhere
}

// Log says what is logged, and how.
type Log struct {
	Level     string // "trace", "debug", "info", "warn" or "error"
	JSON      bool   // else text for people
	Addresses AddressMode
	File      string // "": standard error
}

// AddressMode says how mail addresses are logged.
type AddressMode uint8

// The modes.
const (
	AddressPartial AddressMode = iota // j***@example.com
	AddressFull
	AddressHash
)
