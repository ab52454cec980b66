package config

import (
	"errors"
	"net"
	"net/netip"
	"strings"

	"relaykeep/relay/ingress"
)

const (
	unixPrefix    = "unix:"
	systemdPrefix = "systemd:"
)

// listenAddress takes "host:port", "unix:path" and "systemd:NAME".
func listenAddress(folder string) func(string) (string, error) {
	return func(s string) (string, error) {
		if file, ok := strings.CutPrefix(s, unixPrefix); ok {
			file, err := socketPath(folder)(file)
			return unixPrefix + file, err
		}
		if name, ok := strings.CutPrefix(s, systemdPrefix); ok {
			if !nameForm.MatchString(name) {
				return "", errors.New(`names no socket; write it like "systemd:smtp", after FileDescriptorName=smtp`)
			}
			return s, nil
		}
		if _, _, err := net.SplitHostPort(s); err != nil {
			return "", errors.New(`is no address; write one like "127.0.0.1:2525", "[::1]:2525", "unix:/path" or "systemd:NAME"`)
		}
		return tcpAddress(s)
	}
}

// addressKey names what an address occupies. unique is false of port 0, which
// is another port every time.
func addressKey(a string) (key string, unique bool) {
	h, p, err := net.SplitHostPort(a)
	if err != nil || isNotTCP(a) {
		return a, true
	}
	switch h = strings.ToLower(h); h {
	case "":
		h = "::"
	case "localhost":
		h = "127.0.0.1"
	}
	if addr, err := netip.ParseAddr(h); err == nil {
		h = addr.String()
	}
	return net.JoinHostPort(h, p), p != "0"
}

func isNotTCP(a string) bool {
	return strings.HasPrefix(a, unixPrefix) || strings.HasPrefix(a, systemdPrefix)
}

// firstWide finds the first address that others than this machine can reach:
// neither loopback nor a unix socket. What systemd passes is unknown, and not
// counted: without allow only loopback clients are let in there.
func firstWide(addresses []string) (index int, found bool) {
	for i, a := range addresses {
		if h, _, err := net.SplitHostPort(a); err == nil && !isNotTCP(a) && !isLoopback(h) {
			return i, true
		}
	}
	return 0, false
}

// readAllow reads who may connect. The default is this machine; where a login
// is required and the address is wider, or unknown, the login decides.
func readAllow(s *section, o ingress.Options) []netip.Prefix {
	allow := readList(s, "allow", loopback(), network)
	login := o.Auth != nil && o.Auth.Required
	if s.has("allow") {
		if s.entry("allow").state == ready && len(allow) == 0 {
			s.fault("allow", "is empty: nobody could connect; name networks, or leave it out")
		}
		if p, found := everybody(allow); found && !login {
			s.warn("allow", "%s lets everybody who reaches this listener send mail through it without a login", p)
		}
		return allow
	}
	i, wide := firstWide(o.Addresses)
	switch {
	case wide && !login:
		advice := `add allow = ["10.0.0.0/8"] or an auth block`
		if o.Auth != nil {
			advice = "add allow, or set required = true in its auth block"
		}
		s.errorAt(s.elementAt("address", i), "address: %s can be reached from other machines, and nothing says who may send; %s", s.shown("address", o.Addresses[i]), advice)
	case login && (wide || hasSystemd(o.Addresses)):
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	}
	return allow
}

// loopback are the networks of this machine.
func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func hasSystemd(addresses []string) bool {
	for _, a := range addresses {
		if strings.HasPrefix(a, systemdPrefix) {
			return true
		}
	}
	return false
}

// checkPlaintext refuses a listener where clients from elsewhere would never
// be offered the login: without TLS it is for loopback only, unless
// allow_plaintext_from says otherwise. Clients that need none do not count. s
// is the block auth.
func checkPlaintext(s *section, o ingress.Options) {
	if o.TLS != nil {
		return
	}
	if _, wide := firstWide(o.Addresses); !wide && !hasSystemd(o.Addresses) {
		return
	}
	for _, p := range o.Allow {
		if !covered(p, loopback()) && !covered(p, o.Auth.AllowPlaintextFrom) && !covered(p, o.Auth.Exempt) {
			who := s.parent.shown("allow", p.String())
			s.errorAt(s.header, "auth: clients from %s cannot log in, for there is no TLS; add a tls block, or name them in allow_plaintext_from", who)
			return
		}
	}
}

// covered reports whether all of p lies in one of the prefixes.
func covered(p netip.Prefix, prefixes []netip.Prefix) bool {
	for _, q := range prefixes {
		if q.Bits() <= p.Bits() && q.Contains(p.Addr()) {
			return true
		}
	}
	return false
}
