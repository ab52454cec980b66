package daemon_test

import (
	"context"
	"fmt"
	"net"
	"net/smtp"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/relay/daemon"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/upstreamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is where a daemon lives.
type place struct{ address, spool, socket, upstream string }

func newPlace(t *testing.T, upstream string) place {
	t.Helper()
	dir := t.TempDir()
	return place{
		address: "127.0.0.1:0", upstream: upstream,
		spool: filepath.Join(dir, "spool.db"), socket: filepath.Join(dir, "s"),
	}
}

func (p place) options(t *testing.T) daemon.Options {
	t.Helper()
	c, err := config.Parse("config.hcl", fmt.Appendf(nil, `
hostname = "relay.test"
listener "local" {
  address = %q
}
spool {
  path  = %q
  fsync = false
}
admin { socket = %q }
upstream "out" {
  address = %q
  tls     = "none"
}
`, p.address, p.spool, p.socket, p.upstream), config.LoadOptions{Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	return daemon.Options{Config: c, Version: "test"}
}

func provider(t *testing.T) *upstreamtest.Server {
	t.Helper()
	s, err := upstreamtest.Start(upstreamtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func start(t *testing.T, o daemon.Options) *daemon.Daemon {
	t.Helper()
	d, err := daemon.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err, d.Stop(t.Context()))
	}
	return d
}

func send(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	err := smtp.SendMail(d.Addrs()["local"][0].String(), nil, "a@example.org", []string{"b@example.com"},
		[]byte("Subject: hello\r\n\r\nHello.\r\n"))
	if err != nil {
		t.Error(err)
	}
}

// states reads the states of all recipients in the spool of a daemon that has
// been stopped, and verifies it.
func states(t *testing.T, p place) (all []relay.State) {
	t.Helper()
	s, err := bolt.Open(bolt.Options{Path: p.spool, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	err = s.List(t.Context(), spool.Filter{AnyState: true}, func(e spool.Entry) error {
		for _, r := range e.Recipients {
			all = append(all, r.State)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// checkGoroutines fails where a goroutine is left that was not there before.
func checkGoroutines(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	})
}

func TestMailGoesThrough(t *testing.T) {
	checkGoroutines(t)
	out := provider(t)
	p := newPlace(t, out.Addr())
	d := start(t, p.options(t))
	send(t, d)
	if _, err := out.WaitMessages(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if d.Err() != nil {
		t.Errorf("it says that it has failed: %v", d.Err())
	}
	if got := states(t, p); len(got) != 1 || got[0] != relay.Delivered {
		t.Errorf("the states in the spool are %v", got)
	}
}

// A daemon that must stop at once leaves nothing running, and what it was
// sending as it was.
func TestStopAtOnce(t *testing.T) {
	checkGoroutines(t)
	out := provider(t)
	out.On(upstreamtest.Mail, upstreamtest.Always(upstreamtest.Stall()))
	p := newPlace(t, out.Addr())
	d := start(t, p.options(t))
	send(t, d)
	if err := out.WaitStage(t.Context(), upstreamtest.Mail, 1); err != nil {
		t.Error(err)
	}
	client, err := net.Dial("tcp", d.Addrs()["local"][0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Stop(ctx); err != nil {
		t.Error(err)
	}
	if got := states(t, p); len(got) != 1 || got[0] != relay.Queued {
		t.Errorf("the states in the spool are %v", got)
	}
}

// A daemon that was built and not started can be stopped.
func TestStopWithoutStart(t *testing.T) {
	p := newPlace(t, "127.0.0.1:1")
	checkGoroutines(t)
	d, err := daemon.New(p.options(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whatever step of the building fails, its error names what is in the way, and
// nothing of the steps before it is left.
func TestNewFails(t *testing.T) {
	taken := newPlace(t, "127.0.0.1:1")
	other := start(t, taken.options(t))
	defer other.Stop(context.Background())
	waitServing(t, other)
	taken.address = other.Addrs()["local"][0].String()
	tests := []struct {
		name string
		put  func(*place)
		says string
	}{
		{"spool", func(p *place) { p.spool = taken.spool }, taken.spool},
		{"admin socket", func(p *place) { p.socket = taken.socket }, taken.socket},
		{"port", func(p *place) { p.address = taken.address }, taken.address},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t, "127.0.0.1:1")
			free := p.options(t)
			tt.put(&p)
			checkGoroutines(t)
			_, err := daemon.New(p.options(t))
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v; want one line that names %s", err, tt.says)
			}
			d, err := daemon.New(free) // nothing holds what is its own
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Mail that no route of today's configuration matches is held; what there is to
// look into is one thing, however many messages it concerns.
func TestMailWithoutARouteIsOneIncident(t *testing.T) {
	checkGoroutines(t)
	p := newPlace(t, "127.0.0.1:1")
	d := start(t, p.options(t))
	for range 3 {
		send(t, d)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	o := p.options(t)
	o.Config.Routes[0].Match.Sender = []string{"*@elsewhere.example"}
	seen := make(watch, 100)
	o.Watch = seen
	d = start(t, o)
	incidents := 0
	for held := 0; held < 3; {
		switch e := <-seen; e.Kind {
		case relay.EventHeld:
			held++
		case relay.EventIncidentOpened:
			incidents++
		}
	}
	waitServing(t, d)
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if incidents != 1 {
		t.Errorf("%d incidents, want 1", incidents)
	}
}

// waitServing waits for the greeting: Start does not.
func waitServing(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	c, err := smtp.Dial(d.Addrs()["local"][0].String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// watch hands events on; it has room for all of a test.
type watch chan relay.Event

func (w watch) Emit(e relay.Event) { w <- e }
