package e2e

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// TestBackupUnderLoad backs a spool up while mail comes and goes, and restores
// it elsewhere: it verifies, everything that was acknowledged before the copy
// began is in it, and nothing of it is sent before it is released.
func TestBackupUnderLoad(t *testing.T) {
	first, second := newProvider(t, "first"), newProvider(t, "second")
	first.open()
	first.server.On(upstreamtest.Dot, odds(7, 40, upstreamtest.Reply("451 4.3.0 Later")))
	n := newNode(t, settings{}, upstreamBlock("out", first.addr, ""))
	p, l := n.start(), newLedger()
	load := startLoad(p, l, 7)
	awaitAccepted(p, 300)
	before := l.acknowledged()
	copied := filepath.Join(t.TempDir(), "copy.db")
	if r := n.run("spool", "backup", copied); r.status != 0 {
		t.Fatalf("backup: %s%s", r.out, r.err)
	}
	awaitAccepted(p, 400)
	p.kill()
	load.Wait()
	first.close(l)

	second.open()
	m := newNode(t, settings{}, upstreamBlock("out", second.addr, ""))
	if r := m.run("spool", "restore", copied); r.status != 0 {
		t.Fatalf("restore: %s%s", r.out, r.err)
	}
	held := l.checkCopy(m, before)
	q := m.start()
	fresh := l.compose([]string{"fresh@example.com"}, []byte("Fresh.\r\n"))
	id := q.post(fresh)
	l.accepted(id, fresh.to)
	if _, err := second.server.WaitMessages(patience(t), 1); err != nil {
		t.Fatal(err)
	}
	if got := second.server.Messages(); len(got) != 1 || got[0].From != fresh.from {
		t.Errorf("%d messages were sent before the release", len(got))
	}
	if r := m.run("spool", "release", "--all", "--yes"); r.status != 0 {
		t.Fatalf("release: %s%s", r.out, r.err)
	}
	awaitDone(q, held)
	q.stop()
	second.close(l)
	for _, w := range l.wrong {
		t.Error(w)
	}
}

// acknowledged gives what was answered with 250 up to now.
func (l *ledger) acknowledged() map[relay.ID][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}

// checkCopy looks whether a restored spool has what was acknowledged: delivered
// by a provider that has it, or held. It gives the recipients that are held.
func (l *ledger) checkCopy(n *node, acked map[relay.ID][]string) map[place]bool {
	n.t.Helper()
	held, known := make(map[place]bool), make(map[relay.ID][]string)
	for _, e := range n.entries() {
		for _, r := range e.Recipients {
			at := place{e.Message.ID, r.Address}
			known[at.id] = append(known[at.id], at.to)
			switch r.State {
			case relay.Held:
				held[at] = true
			case relay.Delivered:
				if e.Message.From != "" && l.copies[at] == 0 { // a bounce is in no ledger
					n.t.Errorf("%v is delivered, and no provider has it", at)
				}
			case relay.Bounced:
			default:
				n.t.Errorf("%v is %s", at, r.State)
			}
		}
	}
	for id, to := range acked {
		for _, address := range to {
			if !slices.Contains(known[id], address) {
				n.t.Errorf("%s to %s was acknowledged before the copy, which does not hold it", id, address)
			}
		}
	}
	n.t.Logf("%d messages were acknowledged before the copy, %d recipients are held", len(acked), len(held))
	return held
}

// awaitAccepted waits until a daemon has accepted so many messages.
func awaitAccepted(p *process, messages int) {
	p.t.Helper()
	n := 0
	_, ok := p.log.wait(patience(p.t), func(l line) bool {
		if l.text("event") == string(relay.EventAccepted) {
			n++
		}
		return n == messages
	})
	if !ok {
		p.t.Fatal("too little mail comes in")
	}
}

// awaitDone waits until a daemon has delivered to all of these, or given up.
func awaitDone(p *process, to map[place]bool) {
	p.t.Helper()
	open := maps.Clone(to)
	_, ok := p.log.wait(patience(p.t), func(l line) bool {
		switch relay.EventKind(l.text("event")) {
		case relay.EventDelivered, relay.EventBounced:
			delete(open, place{relay.ID(l.text("message")), l.text("to")})
		}
		return len(open) == 0
	})
	if !ok {
		p.t.Fatalf("%d recipients came to no end", len(open))
	}
}
