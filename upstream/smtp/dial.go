package smtp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Resolver finds the addresses of a host; *net.Resolver is one. network is
// "ip", "ip4" or "ip6".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dialError says how each address of a host failed, in the order tried.
type dialError struct{ errs []error }

// Error gives the failures on one line.
func (e *dialError) Error() string {
	texts := make([]string, len(e.errs))
	for i, err := range e.errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives the failure of each address.
func (e *dialError) Unwrap() []error { return e.errs }

// maxDialErrors bounds how many failures are told.
const maxDialErrors = 8

// dialer opens TCP connections to one host.
type dialer struct {
	host, port string
	family     int
	source     netip.Addr
	resolver   Resolver
	to         timeouts
	dial       func(ctx context.Context, d *net.Dialer, address string) (net.Conn, error)
}

func newDialer(o Options, to timeouts) (*dialer, error) {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("upstream %s: address: %w", o.Name, err)
	}
	d := &dialer{host: host, port: port, family: o.IPFamily, source: o.SourceAddress, resolver: o.Resolver, to: to, dial: dialTCP}
	if d.resolver == nil {
		d.resolver = net.DefaultResolver
	}
	return d, nil
}

func dialTCP(ctx context.Context, d *net.Dialer, address string) (net.Conn, error) {
	return d.DialContext(ctx, "tcp", address)
}

// lookup gives the addresses that may be tried, in the resolver's order. Its
// error is a *net.DNSError wherever the resolver's was one.
func (d *dialer) lookup(ctx context.Context) ([]netip.Addr, error) {
	found, err := d.resolve(ctx)
	if err != nil {
		return nil, err
	}
	var usable []netip.Addr
	for _, ip := range found {
		if ip = ip.Unmap(); d.fits(ip) {
			usable = append(usable, ip)
		}
	}
	if len(usable) == 0 {
		return nil, &net.AddrError{Err: "no address of the wanted family", Addr: d.host}
	}
	return usable, nil
}

// resolve asks the resolver, unless the host is an address already.
func (d *dialer) resolve(ctx context.Context) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(d.host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.to.connect)
	defer cancel()
	return d.resolver.LookupNetIP(ctx, d.network(), d.host)
}

func (d *dialer) network() string {
	switch d.family {
	case 4:
		return "ip4"
	case 6:
		return "ip6"
	}
	return "ip"
}

// fits reports whether ip is of the family that is wanted, and that the source
// address has.
func (d *dialer) fits(ip netip.Addr) bool {
	if (d.family == 4 && !ip.Is4()) || (d.family == 6 && !ip.Is6()) {
		return false
	}
	return !d.source.IsValid() || d.source.Unmap().Is4() == ip.Is4()
}

// connect tries one address after the other, each for ConnectTimeout.
func (d *dialer) connect(ctx context.Context, addrs []netip.Addr) (net.Conn, error) {
	nd := &net.Dialer{Timeout: d.to.connect}
	if d.source.IsValid() {
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(d.source.Unmap(), 0))
	}
	failed := &dialError{}
	for _, ip := range addrs {
		nc, err := d.dial(ctx, nd, net.JoinHostPort(ip.String(), d.port))
		if err == nil {
			return nc, nil
		}
		if len(failed.errs) < maxDialErrors {
			failed.errs = append(failed.errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}
