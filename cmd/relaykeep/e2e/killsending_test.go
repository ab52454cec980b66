package e2e

import (
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// TestKilledWhileSending kills the daemon at known moments of a delivery. Before
// the final dot nothing was sent; from the dot on until the outcome is stored
// nobody can know, which is told, and the second copy is the only one.
func TestKilledWhileSending(t *testing.T) {
	taken := upstreamtest.Drop().Recorded() // by the provider, whatever we hear of it
	for _, tt := range []struct {
		name   string
		stage  upstreamtest.Stage
		act    upstreamtest.Act
		answer bool // the provider answers while the disk is too slow to store that
		doubts int
		copies int
	}{
		{"before the body", upstreamtest.Data, upstreamtest.Stall(), false, 0, 1},
		{"after the dot, not taken", upstreamtest.Dot, upstreamtest.Drop().Stalled(), false, 1, 1},
		{"after the dot, taken", upstreamtest.Dot, taken.Stalled(), false, 1, 2},
		{"after the answer", upstreamtest.Dot, upstreamtest.Stall(), true, 1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := startProvider(t, upstreamtest.Options{})
			out.On(tt.stage, upstreamtest.Times(1, tt.act))
			n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
			p := n.start()
			id := p.post(letter())
			waitStage(t, out, tt.stage)
			if tt.answer {
				slowDisk(t, p, "60s")
				out.Release()
				if _, err := out.WaitMessages(patience(t), 1); err != nil {
					t.Fatal(err)
				}
			}
			p.kill()
			out.Release()
			p = n.start()
			if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
				t.Fatal("it was not delivered by the next process")
			}
			told := p.log.all(func(l line) bool { return l.is("in_doubt", string(id)) })
			p.stop()
			if got := out.Messages(); len(told) != tt.doubts || len(got) != tt.copies {
				t.Errorf("%d in_doubt events and %d copies, want %d and %d", len(told), len(got), tt.doubts, tt.copies)
			}
			wantState(t, n, relay.Delivered, tt.doubts)
		})
	}
}
