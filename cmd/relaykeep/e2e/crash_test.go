package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"relaykeep/upstream/upstreamtest"
)

// The load of the crash loop.
const (
	crashClients = 8
	crashLarge   = 1 << 20 // bytes of a large body
)

// TestCrashLoop kills the daemon again and again while clients send and two
// providers, one of them flaky, take mail. Nothing that was acknowledged may be
// lost, and no second copy may go unrecorded.
func TestCrashLoop(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d rounds, seed %d", *rounds, seed)
	random := rand.New(rand.NewPCG(seed, 0))

	flaky, good := newProvider(t, "flaky"), newProvider(t, "good")
	flaky.misbehave = func(s *upstreamtest.Server) { makeFlaky(s, seed) }
	good.misbehave = func(s *upstreamtest.Server) {
		s.On(upstreamtest.Dot, odds(seed, 2, upstreamtest.Drop().Recorded()))
	}
	n := newNode(t, settings{}, upstreamBlock("flaky", flaky.addr, ""), upstreamBlock("good", good.addr, ""))
	l := newLedger()
	for range *rounds {
		flaky.open()
		good.open()
		p := n.start()
		after := 10*time.Millisecond + time.Duration(random.Int64N(int64(390*time.Millisecond)))
		load := startLoad(p, l, random.Uint64())
		<-time.After(after) // the moment of the crash is the input of this test
		p.kill()
		load.Wait()
		flaky.close(l)
		good.close(l)
	}

	flaky.misbehave, good.misbehave = nil, nil
	flaky.open()
	good.open()
	before := n.entries()
	p := n.start()
	awaitEnd(p, before)
	p.stop()
	flaky.close(l)
	good.close(l)
	l.check(n)
}

// provider is a fake one that comes back at the same address, with what it took
// before handed over to the ledger.
type provider struct {
	t         *testing.T
	name      string
	addr      string
	misbehave func(*upstreamtest.Server)
	server    *upstreamtest.Server
}

func newProvider(t *testing.T, name string) *provider {
	t.Helper()
	p := &provider{t: t, name: name, addr: quietAddress(t)}
	t.Cleanup(func() {
		if p.server != nil {
			p.server.Close()
		}
	})
	return p
}

func (p *provider) open() {
	p.t.Helper()
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.server, err = upstreamtest.Start(upstreamtest.Options{Listener: ln}); err != nil {
		p.t.Fatal(err)
	}
	p.server.On(upstreamtest.Rcpt, orGone(nil))
	if p.misbehave != nil {
		p.misbehave(p.server)
	}
}

func (p *provider) close(l *ledger) {
	p.server.Close()
	l.took(p.name, p.server.Messages())
	p.server = nil
}

// quietAddress is a port that the kernel gives, on a loopback address that
// nobody else uses: so it stays free between two who listen there.
func quietAddress(t *testing.T) string {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	ln, err := net.Listen("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// makeFlaky lets a provider fail in every way that keeps mail waiting.
func makeFlaky(s *upstreamtest.Server, seed uint64) {
	s.On(upstreamtest.Rcpt, orGone(odds(seed, 4, upstreamtest.Reply("450 4.2.1 Not now"))))
	s.On(upstreamtest.Data, odds(seed+1, 3, upstreamtest.Drop()))
	s.On(upstreamtest.Body, odds(seed+2, 3, upstreamtest.Reset()))
	s.On(upstreamtest.Dot, odds(seed+3, 5,
		upstreamtest.Reply("451 4.3.0 Try again"),
		upstreamtest.Drop(),
		upstreamtest.Drop().Recorded(),
		upstreamtest.Reset().Recorded(),
	))
}

// odds does each of the acts in so many of a hundred times.
func odds(seed uint64, percent int, acts ...upstreamtest.Act) upstreamtest.Script {
	return func(s upstreamtest.Step) upstreamtest.Act {
		roll := rand.New(rand.NewPCG(seed, uint64(s.N))).IntN(100)
		if i := roll / percent; i < len(acts) {
			return acts[i]
		}
		return upstreamtest.Act{}
	}
}

// startLoad lets clients send until the daemon is gone.
func startLoad(p *process, l *ledger, seed uint64) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range crashClients {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() { sendUntilGone(p, l, random) })
	}
	return &all
}

func sendUntilGone(p *process, l *ledger, random *rand.Rand) {
	for {
		c, err := dial(p.addr())
		if err != nil {
			return
		}
		for err == nil {
			m := l.compose(crashRecipients(random), crashBody(random))
			id, sendErr := c.send(m)
			if err = sendErr; err == nil {
				l.accepted(id, m.to)
			}
		}
		c.Close()
	}
}

func crashRecipients(random *rand.Rand) []string {
	to := make([]string, 1+random.IntN(4)/3*(1+random.IntN(5)))
	for i := range to {
		to[i] = fmt.Sprintf("rcpt%d@example.com", i)
	}
	if random.IntN(5) == 0 {
		to = append(to, goneRecipient)
	}
	return to
}

func crashBody(random *rand.Rand) []byte {
	size := random.IntN(4 << 10)
	if random.IntN(20) == 0 {
		size = crashLarge
	}
	return bytes.Repeat([]byte("0123456789abcdef0123456789abcdef\r\n"), size/34)
}
