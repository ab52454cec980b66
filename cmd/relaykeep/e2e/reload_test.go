package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/upstream/upstreamtest"
)

// reload has the daemon read its configuration again, which must work.
func (n *node) reload() string {
	n.t.Helper()
	r := n.run("reload", "--socket", n.socket)
	if r.status != 0 {
		n.t.Fatalf("reload: status %d\n%s%s", r.status, r.out, r.err)
	}
	return r.out
}

// TestReloadUnderLoad changes upstreams, routes and the listener a hundred times
// while mail flows: no client sees an error, nothing is lost, and nothing comes
// twice.
func TestReloadUnderLoad(t *testing.T) {
	const clients, reloads = 4, 100
	one, two := startProvider(t, upstreamtest.Options{}), startProvider(t, upstreamtest.Options{})
	fast := `retry "fast" {
  initial = "1s"
}
`
	configure := func(n *node, i int) {
		s := settings{spool: "fsync = false", rest: fast, listener: fmt.Sprintf("max_recipients = %d", 900+i%3)}
		ups := []string{upstreamBlock("one", one.Addr(), fmt.Sprintf("max_connections = %d", 3+i%4/2))}
		if i%2 == 1 { // "two" comes and goes, and with it the first choice
			ups = append([]string{upstreamBlock("two", two.Addr(), "")}, ups...)
		}
		if i%5 == 4 {
			s.rest += `route "renamed" {
  upstreams = ["one"]
}
`
		}
		n.configure(s, ups...)
	}
	n := newNode(t, settings{spool: "fsync = false"}, upstreamBlock("one", one.Addr(), ""))
	p := n.start()
	l := newLedger()
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range clients {
		c := p.client() // one session over all reloads
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				m := l.compose([]string{"rcpt@example.com"}, []byte("Hello.\r\n"))
				id, err := c.send(m)
				if i%10 == 9 && err == nil { // and one that is made anew
					l.accepted(id, m.to)
					m = l.compose([]string{"rcpt@example.com"}, []byte("Hello again.\r\n"))
					id, err = p.tryPost(m)
				}
				if err != nil {
					t.Errorf("a client sees %v", err)
					return
				}
				l.accepted(id, m.to)
			}
		})
	}
	daemon := admin.NewClient(n.socket)
	defer daemon.Close()
	for i := range reloads {
		configure(n, i)
		if _, err := daemon.Reload(patience(t)); err != nil {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	close(stop)
	load.Wait()
	configure(n, 0)
	n.reload()
	for n.unfinished() > 0 {
		if _, ok := p.log.wait(patience(t), func(line) bool { return true }); !ok {
			t.Fatal("mail is left")
		}
	}
	p.stop()
	l.took("one", one.Messages())
	l.took("two", two.Messages())
	l.check(n)
}

// TestReloadRemovesAnUpstream: its waiting mail goes the way of today.
func TestReloadRemovesAnUpstream(t *testing.T) {
	dead, alive := startProvider(t, upstreamtest.Options{}), startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("dead", dead.Addr(), ""))
	dead.Close()
	p := n.start()
	id := p.post(letter())
	if _, ok := p.log.event(patience(t), "deferred", string(id)); !ok {
		t.Fatal("it was not deferred")
	}
	n.configure(settings{}, upstreamBlock("alive", alive.Addr(), ""))
	if out := n.reload(); !strings.Contains(out, "upstream dead is gone") || !strings.Contains(out, "upstream alive is new") {
		t.Errorf("it says %q", out)
	}
	if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
		t.Error("it was not delivered")
	}
	p.stop()
	wantState(t, n, relay.Delivered, 0)
}

// TestReloadRotatesAKey: the next mail has the new selector.
func TestReloadRotatesAKey(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	key := func(n *node, selector string) settings {
		file := n.dir + "/" + selector + ".pem"
		if r := n.run("dkim", "keygen", "--domain", "example.org", "--selector", selector, "--algorithm", "ed25519", "--out", file); r.status != 0 {
			t.Fatal(r.err)
		}
		return settings{rest: fmt.Sprintf("dkim \"example.org\" {\n  key {\n    selector = %q\n    file = %q\n  }\n}\n", selector, file)}
	}
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	n.configure(key(n, "s1"), upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	for i, selector := range []string{"s1", "s2"} {
		if i > 0 {
			n.configure(key(n, selector), upstreamBlock("out", out.Addr(), ""))
			if said := n.reload(); !strings.Contains(said, "signing keys have changed") {
				t.Errorf("it says %q", said)
			}
		}
		p.post(letter())
		got, err := out.WaitMessages(patience(t), i+1)
		if err != nil {
			t.Fatal(err)
		}
		if body := string(got[i].Body); !strings.Contains(body, "s="+selector+";") {
			t.Errorf("it is not signed by %s:\n%s", selector, body)
		}
	}
	p.stop()
}

// TestReloadOpensAListener opens a second one, and closes it again while a
// session goes on.
func TestReloadOpensAListener(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	socket := n.dir + "/second.sock"
	n.configure(settings{rest: fmt.Sprintf("listener \"second\" {\n  address = \"unix:%s\"\n}\n", socket)}, upstreamBlock("out", out.Addr(), ""))
	n.reload()
	c, err := dialOn("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n.configure(settings{}, upstreamBlock("out", out.Addr(), ""))
	n.reload()
	if _, err := dialOn("unix", socket); err == nil {
		t.Error("the listener that is gone answers")
	}
	if _, err := c.send(letter()); err != nil {
		t.Errorf("the session that went on: %v", err)
	}
	p.post(letter())
	p.stop()
}
