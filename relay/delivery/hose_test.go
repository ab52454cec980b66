package delivery

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream"
)

// A lane that left mail behind for want of a slot comes back for it by itself.
func TestLaneWakesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHose(1000)
		s := h.lane(3)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.Stop(t.Context())
		if n := h.open.Load(); n != 0 {
			t.Errorf("%d messages were left behind", n)
		}
	})
}

// A slot is free while the outcome commits, but not without bound.
func TestCommitsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHose(1000)
		h.gate = make(chan struct{})
		s := h.lane(3)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := s.Lanes()[0]; st.InFlight != 0 || st.Settling != 9 {
			t.Errorf("status %+v, want 9 commits under way for 3 connections", st)
		}
		close(h.gate)
		synctest.Wait()
		s.Stop(t.Context())
		if n := h.open.Load(); n != 0 {
			t.Errorf("%d messages were left behind", n)
		}
	})
}

// hose is a spool of messages that cost nothing. It never wakes a lane.
type hose struct {
	mu    sync.Mutex
	left  int
	open  atomic.Int64
	ready chan struct{}
	done  chan struct{}
	gate  chan struct{} // if there is one, settlements wait until it is closed
}

func newHose(messages int) *hose {
	h := &hose{left: messages, ready: make(chan struct{}, 1), done: make(chan struct{})}
	h.open.Store(int64(messages))
	return h
}

// lane has mail from h alone, at a transport that delivers at once.
func (h *hose) lane(connections int) *Scheduler {
	return New(Options{
		Spool: h, Sink: drop{},
		Plan: Plan{
			Lanes:  []Lane{{Name: "a", Transport: instant{}, MaxConnections: connections, MaxRecipients: 10}},
			Routes: map[string]Route{"default": {Upstreams: []string{"a"}, Retry: doubling{}, FailoverAfter: 1}},
		},
	})
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

func (h *hose) Mark(*spool.Delivery, []int, *relay.Signature) (wait func() error) { return nothing }

func nothing() error { return nil }

func (h *hose) Settle(context.Context, *spool.Delivery, spool.Settlement) error {
	if h.gate != nil {
		<-h.gate
	}
	if h.open.Add(-1) == 0 {
		close(h.done)
	}
	return nil
}

func (h *hose) Release(*spool.Delivery) {}

func (h *hose) ReleaseOne(context.Context, int64, int, func(relay.Message, relay.Recipient) relay.Recipient) (int, error) {
	return 0, nil
}
func (h *hose) Doubts(context.Context) ([]spool.Delivery, error) { return nil, nil }

func (h *hose) Expired(context.Context, time.Time, int) ([]spool.Delivery, time.Time, error) {
	return nil, time.Time{}, nil
}

func (h *hose) Body(relay.Message) relay.Body { return nil }

// instant delivers everything at once.
type instant struct{}

func (instant) Deliver(_ context.Context, _ relay.Message, to []relay.Recipient, h upstream.Handover) []relay.Verdict {
	accepted := make([]int, len(to))
	for i := range accepted {
		accepted[i] = i
	}
	verdicts := make([]relay.Verdict, len(to))
	if h.Mark(accepted)() == nil {
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

func (h *hose) OpenIncident(_ context.Context, i relay.Incident) (relay.Incident, bool, error) {
	return i, true, nil
}

func (h *hose) CloseIncident(context.Context, int64, string) (relay.Incident, error) {
	return relay.Incident{}, spool.ErrNotFound
}

func (h *hose) Incidents(context.Context, bool) ([]relay.Incident, error) { return nil, nil }

func (h *hose) ReleaseIncident(context.Context, int64, func(relay.Message, relay.Recipient) relay.Recipient) (int, error) {
	return 0, nil
}

func (h *hose) LaneState(context.Context, string) ([]byte, error) { return nil, nil }

func (h *hose) KeepLaneState(context.Context, string, []byte) error { return nil }
