package e2e

import (
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// nameServer answers for one name: with 127.0.0.1, with a code, or not at all.
type nameServer struct {
	addr string // its host; the port is 53

	mu     sync.Mutex
	rcode  int
	silent bool
}

// startNameServer starts one until the test has ended. As resolv.conf(5) knows
// no ports, it wants port 53, which takes root.
func startNameServer(t *testing.T) *nameServer {
	t.Helper()
	host, _, err := net.SplitHostPort(quietAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "53"))
	if err != nil {
		t.Fatalf("%v: this test runs as root, or with sysctl net.ipv4.ip_unprivileged_port_start=53", err)
	}
	n := &nameServer{addr: host}
	s := &dns.Server{PacketConn: conn, Handler: n}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.ActivateAndServe(); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return n
}

// say sets the answer to all questions.
func (n *nameServer) say(rcode int, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rcode, n.silent = rcode, silent
}

// ServeDNS implements dns.Handler.
func (n *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	n.mu.Lock()
	rcode, silent := n.rcode, n.silent
	n.mu.Unlock()
	if silent {
		return
	}
	m := new(dns.Msg).SetRcode(q, rcode)
	if rcode == dns.RcodeSuccess && q.Question[0].Qtype == dns.TypeA {
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET},
			A:   net.IPv4(127, 0, 0, 1),
		}}
	}
	_ = w.WriteMsg(m) // who asked may be gone
}

// resolving lets a daemon ask this name server: a mount namespace of its own has
// another resolv.conf.
func (n *nameServer) resolving(nd *node) []string {
	conf := nd.write("resolv.conf", fmt.Sprintf("nameserver %s\noptions timeout:1 attempts:1\n", n.addr))
	args := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	return append(args, "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, conf)
}

// TestNameServerFails lets the name of the only upstream not be found for a
// while. The mail is kept, never bounced, and delivered when the name is back.
func TestNameServerFails(t *testing.T) {
	for name, tt := range map[string]struct {
		rcode  int
		silent bool
	}{
		"SERVFAIL":        {rcode: dns.RcodeServerFailure},
		"REFUSED":         {rcode: dns.RcodeRefused},
		"NOTIMP":          {rcode: dns.RcodeNotImplemented},
		"no answer comes": {silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names := startNameServer(t)
			names.say(tt.rcode, tt.silent)
			p := startNamed(t, names)
			id := p.post(letter())
			waitUpstream(p, "upstream_down")
			names.say(dns.RcodeSuccess, false)
			if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
				t.Error("it was not delivered when the name was back")
			}
			p.stop()
		})
	}
}

// TestNoSuchName gives the only upstream a name that does not exist. That is an
// incident, which somebody resolves; the mail is kept meanwhile, and goes then.
func TestNoSuchName(t *testing.T) {
	names := startNameServer(t)
	names.say(dns.RcodeNameError, false)
	p := startNamed(t, names)
	id := p.post(letter())
	waitUpstream(p, "incident_opened")
	names.say(dns.RcodeSuccess, false)
	if r := p.node.run("incident", "resolve", "1"); r.status != 0 {
		t.Errorf("incident resolve ended with status %d:\n%s%s", r.status, r.out, r.err)
	}
	waitUpstream(p, "upstream_up")
	if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok { // nothing waits any more
		t.Error("it was not delivered when the name was there")
	}
	p.stop()
	wantState(t, p.node, relay.Delivered, 0)
}

// named is a daemon whose only upstream has a name that is looked up.
type named struct {
	*process
	node *node
}

func startNamed(t *testing.T, names *nameServer) named {
	t.Helper()
	out := startProvider(t, upstreamtest.Options{})
	_, port, err := net.SplitHostPort(out.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(t, settings{}, upstreamBlock("out", "mx.provider.example:"+port,
		"breaker {\n failures = 1\n cooldown = \"1s\"\n max_cooldown = \"1s\"\n }"))
	return named{n.startIn(how{behind: names.resolving(n)}), n}
}

// waitUpstream waits for an event about the upstream.
func waitUpstream(p named, event string) {
	p.t.Helper()
	_, ok := p.log.wait(patience(p.t), func(l line) bool { return l.text("event") == event && l.text("upstream") == "out" })
	if !ok {
		p.t.Fatalf("no %s is told", event)
	}
}
