package smtp

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// pipes is a listener in memory, for tests in which time is synthetic.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }

func (p *pipes) dial(ctx context.Context, _ *net.Dialer, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// piped starts a provider in memory and a transport to it.
func piped(t testing.TB, so upstreamtest.Options, edit func(*Options)) (*upstreamtest.Server, *Transport) {
	t.Helper()
	p := newPipes()
	so.Listener = p
	s := provider(t, so)
	tr := transport(t, s, edit)
	tr.dialer.dial = p.dial
	return s, tr
}

// hosts is a resolver that knows one answer.
type hosts struct {
	addrs []netip.Addr
	err   error
	asked []string
}

func (h *hosts) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	h.asked = append(h.asked, network+" "+host)
	return h.addrs, h.err
}

func addrs(texts ...string) []netip.Addr {
	list := make([]netip.Addr, len(texts))
	for i, a := range texts {
		list[i] = netip.MustParseAddr(a)
	}
	return list
}
