package ingress

import (
	"net"
	"net/netip"
)

// client is who is at the other end of a connection.
type client struct {
	addr netip.Addr // unmapped, without zone; the zero Addr: a unix socket
}

// clientOf reads the other end of a socket.
func clientOf(c net.Conn) client {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return client{}
	}
	return client{tcp.AddrPort().Addr().Unmap().WithZone("")}
}

// String is what relay.Message.Client holds.
func (c client) String() string {
	if !c.addr.IsValid() {
		return "unix"
	}
	return c.addr.String()
}

// local reports whether what the client says crosses no network.
func (c client) local() bool { return !c.addr.IsValid() || c.addr.IsLoopback() }

// within reports whether one of the networks holds the client. A unix socket is
// in none.
func (c client) within(networks []netip.Prefix) bool {
	for _, p := range networks {
		if p.Contains(c.addr) {
			return true
		}
	}
	return false
}

// allowed reports whether the client may connect: a unix socket always, others
// by the list; without a list, loopback only.
func (c client) allowed(list []netip.Prefix) bool {
	if len(list) == 0 {
		return c.local()
	}
	return !c.addr.IsValid() || c.within(list)
}

// key is what limits count a client by: an IPv4 address, or the /64 that one
// host of IPv6 has to itself.
func (c client) key() netip.Prefix {
	bits := c.addr.BitLen()
	if bits == 128 {
		bits = 64
	}
	p, err := c.addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
