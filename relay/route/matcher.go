package route

import (
	"net/netip"
	"slices"

	"relaykeep/relay"
)

// matcher is a Match, compiled.
type matcher struct {
	sender    []glob
	recipient []glob
	user      []glob
	listener  []string
	client    []netip.Prefix
	header    []headerMatcher
}

type headerMatcher struct {
	name string
	glob glob
}

// candidate is a query whose client address is parsed when it is first needed.
type candidate struct {
	relay.RouteQuery
	parsed bool
	addr   netip.Addr // the zero Addr, which no prefix contains, where the client has none
}

func compile(m Match) matcher {
	c := matcher{
		sender:    compileGlobs(m.Sender),
		recipient: compileGlobs(m.Recipient),
		user:      compileGlobs(m.User),
		listener:  m.Listener,
		client:    make([]netip.Prefix, len(m.Client)),
	}
	for i, p := range m.Client {
		c.client[i] = unmap(p)
	}
	for _, h := range m.Header {
		c.header = append(c.header, headerMatcher{h.Name, compileGlob(h.Glob)})
	}
	return c
}

// unmap turns a prefix of IPv4-mapped addresses (::ffff:10.0.0.0/104) into the
// prefix of IPv4 that it means.
func unmap(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// envelope reports whether all holds but the header, which is not asked.
func (m *matcher) envelope(c *candidate) bool {
	return matchAny(m.recipient, c.Recipient) &&
		matchAny(m.sender, c.Sender) &&
		matchAny(m.user, c.User) &&
		(len(m.listener) == 0 || slices.Contains(m.listener, c.Listener)) &&
		(len(m.client) == 0 || m.fromClient(c.client()))
}

// headers reports whether every condition on the header holds; header is nil
// while it is not known.
func (m *matcher) headers(header func(name string) []string) bool {
	for i := range m.header {
		h := &m.header[i]
		if header == nil || !slices.ContainsFunc(header(h.name), h.glob.match) {
			return false
		}
	}
	return true
}

func (m *matcher) fromClient(addr netip.Addr) bool {
	for _, p := range m.client {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// client gives the address of the client, unmapped and without its zone, as
// prefixes have none.
func (c *candidate) client() netip.Addr {
	if !c.parsed {
		c.parsed = true
		if addr, err := netip.ParseAddr(c.Client); err == nil {
			c.addr = addr.Unmap().WithZone("")
		}
	}
	return c.addr
}
