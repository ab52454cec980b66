package e2e

import (
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// TestDescriptorsExhausted lets idle clients take every file descriptor. Who
// comes then is sent away for the moment, what was accepted is delivered all the
// same, and when they are gone all is as before.
func TestDescriptorsExhausted(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.startIn(how{behind: []string{"prlimit", "--nofile=48:48"}})

	early, err := dial(p.addr())
	if err != nil {
		t.Fatal(err)
	}
	var idle []*client
	for err == nil {
		var c *client
		if c, err = dial(p.addr()); err == nil {
			idle = append(idle, c)
		}
	}
	wantCode(t, "the client for which there is no descriptor", err, 421)
	if len(idle) < 10 {
		t.Errorf("%d idle clients exhausted 48 descriptors", len(idle))
	}
	id, err := early.send(letter())
	if err != nil {
		t.Errorf("a client that is in already: %v", err)
	}
	if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
		t.Error("what was accepted is not delivered")
	}
	for _, c := range append(idle, early) {
		c.Close()
	}
	for {
		again, err := dial(p.addr())
		if err == nil {
			again.Close()
			break
		}
		if code(err) != 421 { // the daemon may not have noticed yet who left
			t.Fatal(err)
		}
	}
	p.stop()
}
