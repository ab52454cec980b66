package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
	"relaykeep/upstream/upstreamtest"
)

func port(s *upstreamtest.Server) string {
	_, p, _ := net.SplitHostPort(s.Addr())
	return p
}

// TestAllAddressesAreTried: nobody listens at the first two.
func TestAllAddressesAreTried(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, func(o *Options) {
		o.Address = "mx.test:" + port(s)
		o.Resolver = &hosts{addrs: addrs("::1", "127.0.0.2", "::ffff:127.0.0.1")}
	})
	wantDelivered(t, tr)
}

func TestDialFailures(t *testing.T) {
	notFound := &net.DNSError{Err: "no such host", Name: "mx.test", IsNotFound: true}
	s := provider(t, upstreamtest.Options{})
	for name, c := range map[string]struct {
		hosts hosts
		want  func(error) bool
	}{
		"NXDOMAIN": {hosts{err: notFound}, func(err error) bool {
			var dns *net.DNSError
			return errors.As(err, &dns) && dns.IsNotFound
		}},
		"refused": {hosts{addrs: addrs("127.0.0.2", "127.0.0.3")}, func(err error) bool {
			var op *net.OpError
			return errors.As(err, &op)
		}},
		"wrong family": {hosts{addrs: addrs("::1")}, func(err error) bool { return err != nil }},
		"no address":   {hosts{}, func(err error) bool { return err != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			var got upstream.Answer
			tr := transport(t, s, func(o *Options) {
				o.Address, o.IPFamily = "mx.test:"+port(s), 4
				o.Resolver = &c.hosts
			})
			tr.classify = func(a upstream.Answer) relay.Verdict { got = a; return classify(a) }
			m := &marks{}
			for _, v := range handOver(t.Context(), tr, from("a@x.test"), hello, rcpts("b@y.test", "c@y.test"), m.mark) {
				wantClass(t, v, relay.ClassDeferred, relay.StageDial, 0)
			}
			if !c.want(got.Err) || got.Provider != "generic" || m.calls != 0 {
				t.Errorf("answer is %+v", got)
			}
		})
	}
}

func TestAddressesThatFit(t *testing.T) {
	all := []string{"127.0.0.1", "::1", "::ffff:127.0.0.9", "2001:db8::1"}
	for _, c := range []struct {
		family  int
		source  string
		network string
		want    string
	}{
		{0, "", "ip", "[127.0.0.1 ::1 127.0.0.9 2001:db8::1]"},
		{4, "", "ip4", "[127.0.0.1 127.0.0.9]"},
		{6, "", "ip6", "[::1 2001:db8::1]"},
		{0, "127.0.0.5", "ip", "[127.0.0.1 127.0.0.9]"},
		{0, "::1", "ip", "[::1 2001:db8::1]"},
	} {
		h := &hosts{addrs: addrs(all...)}
		o := Options{Address: "mx.test:25", IPFamily: c.family, Resolver: h}
		if c.source != "" {
			o.SourceAddress = netip.MustParseAddr(c.source)
		}
		d := must[*dialer](t)(newDialer(o, newTimeouts(o)))
		got, err := d.lookup(t.Context())
		if err != nil || fmt.Sprint(got) != c.want || h.asked[0] != c.network+" mx.test" {
			t.Errorf("%+v: %v (%v), asked %q", c, got, err, h.asked)
		}
	}
}

func TestLiteralAddressesNeedNoResolver(t *testing.T) {
	h := &hosts{err: errTest}
	for address, want := range map[string]string{"127.0.0.1:25": "[127.0.0.1]", "[::1]:25": "[::1]"} {
		d := must[*dialer](t)(newDialer(Options{Address: address, Resolver: h}, timeouts{}))
		if got, err := d.lookup(t.Context()); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v (%v)", address, got, err)
		}
	}
}

func TestSourceAddress(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	o := Options{Address: s.Addr(), SourceAddress: netip.MustParseAddr("127.0.0.5")}
	d := must[*dialer](t)(newDialer(o, newTimeouts(o)))
	nc := must[net.Conn](t)(d.connect(t.Context(), addrs("127.0.0.1")))
	defer nc.Close()
	if host, _, _ := net.SplitHostPort(nc.LocalAddr().String()); host != "127.0.0.5" {
		t.Errorf("connected from %s", host)
	}
}

// TestConnectTimeoutIsForEachAddress uses addresses that never answer.
func TestConnectTimeoutIsForEachAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Address: "mx.test:25", ConnectTimeout: 10 * time.Second}
		d := must[*dialer](t)(newDialer(o, newTimeouts(o)))
		d.dial = func(ctx context.Context, nd *net.Dialer, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, nd.Timeout)
			defer cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}
		begun := time.Now()
		_, err := d.connect(t.Context(), addrs("192.0.2.1", "192.0.2.2", "192.0.2.3"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 30*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		begun = time.Now()
		if _, err := d.connect(ctx, addrs("192.0.2.1", "192.0.2.2", "192.0.2.3")); err == nil || time.Since(begun) != 15*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

func TestBadAddress(t *testing.T) {
	if _, err := New(Options{Name: "x", Address: "no-port"}, classify, nil); err == nil {
		t.Error("an address without a port was taken")
	}
}
