package delivery

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream"
)

// BenchmarkLane measures what the scheduler itself costs a message: the spool
// and the transport do nothing.
func BenchmarkLane(b *testing.B) {
	for _, connections := range []int{1, 10} {
		b.Run(strconv.Itoa(connections), func(b *testing.B) {
			q := &hose{left: b.N, ready: make(chan struct{}, 1), done: make(chan struct{})}
			q.open.Store(int64(b.N))
			s := New(Options{
				Spool: q, Sink: drop{},
				Lanes:  []Lane{{Name: "a", Transport: instant{}, MaxConnections: connections, MaxRecipients: 10}},
				Routes: map[string]Route{"default": {Upstreams: []string{"a"}, Retry: doubling{}, FailoverAfter: 1}},
			})
			b.ReportAllocs()
			b.ResetTimer()
			if err := s.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			<-q.done
			s.Stop(b.Context())
		})
	}
}

// hose is a spool of messages that cost nothing.
type hose struct {
	mu    sync.Mutex
	left  int
	open  atomic.Int64
	ready chan struct{}
	done  chan struct{}
}

func (h *hose) Open(string, bool) {}

func (h *hose) Ready(string) <-chan struct{} { return h.ready }

func (h *hose) Claim(_ context.Context, lane string, limit spool.Limit) ([]spool.Delivery, time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	due := make([]spool.Delivery, min(limit.Messages, h.left))
	for i := range due {
		due[i] = spool.Delivery{
			Message: relay.Message{ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", From: "a@x.example", Size: 10_000},
			Recipients: []relay.Recipient{{
				Address: "r@x.example", Route: "default", Eligible: []string{"a"},
			}},
			Index: []int{0}, Lane: lane, Attempt: 1,
		}
	}
	h.left -= len(due)
	return due, time.Time{}, nil
}

func (h *hose) Mark(*spool.Delivery, []int) (wait func() error) { return nothing }

func nothing() error { return nil }

func (h *hose) Settle(context.Context, *spool.Delivery, spool.Settlement) error {
	if h.open.Add(-1) == 0 {
		close(h.done)
	}
	return nil
}

func (h *hose) Release(*spool.Delivery) {}

func (h *hose) Doubts(context.Context) ([]spool.Delivery, error) { return nil, nil }

func (h *hose) Expired(context.Context, time.Time, int) ([]spool.Delivery, time.Time, error) {
	return nil, time.Time{}, nil
}

func (h *hose) Body(relay.Message) relay.Body { return nil }

// instant delivers everything at once.
type instant struct{}

func (instant) Deliver(_ context.Context, _ relay.Message, _ relay.Body, to []relay.Recipient, mark upstream.Marker) []relay.Verdict {
	accepted := make([]int, len(to))
	for i := range accepted {
		accepted[i] = i
	}
	verdicts := make([]relay.Verdict, len(to))
	if mark(accepted)() == nil {
		for i := range verdicts {
			verdicts[i] = ok
		}
	}
	return verdicts
}

func (instant) Probe(context.Context) relay.Verdict { return ok }

func (instant) Close() error { return nil }

type drop struct{}

func (drop) Emit(relay.Event) {}
