package config

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"strings"
	"time"

	"relaykeep/relay/ingress"
)

// readListeners reads the blocks listener; without any there is one, "local".
func readListeners(s *section, hostname string) []Listener {
	sections := s.named("listener")
	if len(sections) == 0 {
		local := s.unwritten("listener")
		local.name = "local"
		sections = append(sections, local)
	}
	var listeners []Listener
	taken := map[string]string{} // by address: the listener that has it
	for _, l := range sections {
		listeners = append(listeners, readListener(l, hostname, taken))
	}
	return listeners
}

func readListener(s *section, hostname string, taken map[string]string) Listener {
	l := Listener{Default: !s.has("address")}
	l.Options = ingress.Options{
		Name:                    s.name,
		Hostname:                hostname,
		Addresses:               readAddresses(s, taken),
		MaxMessageSize:          read(s, "max_message_size", 50<<20, positiveSize),
		MaxRecipients:           s.count("max_recipients", 1000, 1, 100_000),
		MaxConnections:          s.count("max_connections", 1000, 1, 1_000_000),
		MaxConnectionsPerClient: s.count("max_connections_per_client", 100, 1, 1_000_000),
		RatePerClient:           read(s, "rate_per_client", ingress.Rate{}, optional(parseRate)),
		IdleTimeout:             read(s, "idle_timeout", 5*time.Minute, positiveDuration),
		RejectBareNewline:       s.choice("bare_newline", "repair", "repair", "reject") == "reject",
		MinimalReceived:         s.choice("received", "full", "full", "minimal") == "minimal",
		HeaderPriority:          s.boolean("header_priority", false),
	}
	s.boolean("proxy_protocol", false)
	if t := s.block("tls"); t.written {
		l.TLS = readListenerTLS(t)
	}
	auth := s.block("auth")
	if auth.written {
		l.Auth = readListenerAuth(auth)
	}
	l.Allow = readAllow(s, l.Options)
	if !s.faulty && auth.written {
		checkPlaintext(auth, l.Options)
	}
	s.end()
	return l
}

// readAddresses reads where a listener listens, and refuses what another one
// has already.
func readAddresses(s *section, taken map[string]string) []string {
	fallback := []string{"127.0.0.1:2525", "[::1]:2525", "unix:/run/relaykeep/smtp.sock"}
	addresses := readList(s, "address", fallback, listenAddress(s.d.folder))
	if state := s.entry("address").state; state == pending || state == wrong {
		return nil
	}
	if len(addresses) == 0 {
		s.fault("address", `is empty; write one like "127.0.0.1:2525", or leave it out`)
	}
	for i, a := range addresses {
		key, unique := addressKey(a)
		if other, ok := taken[key]; ok && unique {
			s.errorAt(s.elementAt("address", i), "address: %s is taken by listener %q already; give each its own", s.shown("address", a), other)
			continue
		}
		taken[key] = s.name
	}
	return addresses
}

// readListenerTLS reads the block tls of a listener.
func readListenerTLS(s *section) *ingress.TLSOptions {
	t := &ingress.TLSOptions{
		CertFile:   absolute(s.d.folder, needed(s, "cert_file", `"/etc/relaykeep/tls/cert.pem"`, nonEmpty)),
		KeyFile:    absolute(s.d.folder, needed(s, "key_file", `"/etc/relaykeep/tls/key.pem"`, nonEmpty)),
		Implicit:   s.choice("mode", "starttls", "starttls", "implicit") == "implicit",
		MinVersion: read(s, "min_version", tls.VersionTLS12, tlsVersion),
		Required:   s.boolean("required", false),
	}
	if t.MinVersion < tls.VersionTLS12 {
		s.warn("min_version", `TLS before 1.2 is weak; for old devices only, best on a listener of their own`)
	}
	if s.d.secrets && !s.faulty {
		if _, err := readBounded(t.CertFile); err != nil {
			s.fault("cert_file", "cannot read %s: %v", s.shown("cert_file", t.CertFile), err)
		} else if _, err := readBounded(t.KeyFile); err != nil {
			s.fault("key_file", "cannot read %s: %v", s.shown("key_file", t.KeyFile), err)
		} else if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			s.fault("cert_file", "cannot be used with key_file: %v", err)
		}
	}
	s.end()
	return t
}

// tlsVersion takes the number of a TLS version.
func tlsVersion(s string) (uint16, error) {
	switch s {
	case "1.0", "1":
		return tls.VersionTLS10, nil
	case "1.1":
		return tls.VersionTLS11, nil
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, errors.New(`is no version of TLS; write "1.2" or "1.3" ("1.0" and "1.1" for old devices)`)
}

// readListenerAuth reads the block auth of a listener.
func readListenerAuth(s *section) *ingress.AuthOptions {
	a := &ingress.AuthOptions{
		UsersFile:          absolute(s.d.folder, needed(s, "users_file", `"/etc/relaykeep/users"`, nonEmpty)),
		Required:           s.boolean("required", true),
		Exempt:             readList(s, "exempt", nil, network),
		AllowPlaintextFrom: readList(s, "allow_plaintext_from", nil, network),
	}
	if s.d.secrets && s.entry("users_file").state == ready {
		if _, err := readBounded(a.UsersFile); err != nil {
			s.fault("users_file", "cannot read %s: %v; it has lines of NAME:HASH, and relaykeep user hash makes HASH", s.shown("users_file", a.UsersFile), err)
		} else if err := ingress.CheckUsers(a.UsersFile); err != nil {
			s.fault("users_file", "%s: %s; it has lines of NAME:HASH, and relaykeep user hash makes HASH",
				s.shown("users_file", a.UsersFile), strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	if len(a.AllowPlaintextFrom) > 0 {
		s.warn("allow_plaintext_from", "passwords of these clients go over the network in clear")
	}
	if p, found := everybody(a.Exempt); found {
		s.warn("exempt", "%s lets every client that may connect send without a login", p)
	}
	s.end()
	return a
}

// everybody finds a prefix that all addresses are in.
func everybody(prefixes []netip.Prefix) (netip.Prefix, bool) {
	for _, p := range prefixes {
		if p.Bits() == 0 {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
