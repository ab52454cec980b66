package smtp

import (
	"crypto/x509"
	"net/netip"
	"time"

	"relaykeep/relay"
)

// Options describe one upstream. They are validated by relay/config; the zero
// value of a duration or count means its default.
type Options struct {
	Name     string
	Provider string // which pack judges its answers
	Address  string // "host:port"
	Hello    string // our name in EHLO

	TLS           TLSMode
	RootCAs       *x509.CertPool // nil: the system's
	ServerName    string         // "": the host of Address
	SkipVerify    bool
	PinSHA256     [][32]byte // of the certificate's SubjectPublicKeyInfo; one in the chain must match, also where nothing else is verified
	Auth          *Auth      // nil: no login
	SourceAddress netip.Addr // the zero Addr: any
	IPFamily      int        // 0 (any), 4 or 6
	Resolver      Resolver   // nil: net.DefaultResolver

	MaxConnections           int // also how many kept connections at most
	MaxMessagesPerConnection int
	IdleTimeout              time.Duration // of a kept connection
	ConnectTimeout           time.Duration // of each address, TCP and TLS handshake apart
	CommandTimeout           time.Duration // 0: the minima of RFC 5321 4.5.3.2 by stage; else for all of them but the final dot
	FinalTimeout             time.Duration // for the answer to the final dot
	MaxMessageSize           int64         // 0: what EHLO says
}

// TLSMode says when a connection is encrypted.
type TLSMode uint8

// The modes. STARTTLS is required unless the mode is another.
const (
	STARTTLS TLSMode = iota
	Implicit
	Opportunistic // STARTTLS where offered, any certificate; without one nobody logs in
	NoTLS
)

// Auth is how we log in.
type Auth struct {
	Mechanism string // "plain", "login" or "xoauth2"
	Username  string
	Password  relay.Secret

	// xoauth2 (RFC 6749): client credentials, or a refresh token where one is
	// given.
	TokenURL     string
	ClientID     string
	ClientSecret relay.Secret
	Scopes       []string
	RefreshToken relay.Secret
}

// TokenKeeper keeps a refresh token that a provider replaced, across restarts.
type TokenKeeper interface {
	// RefreshToken returns what was kept for an upstream, "" if nothing was.
	RefreshToken(upstream string) (string, error)
	// KeepRefreshToken stores it durably.
	KeepRefreshToken(upstream, token string) error
}
