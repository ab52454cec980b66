package event

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"relaykeep/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is a handler that stalls while it is locked.
type slow struct {
	gate sync.Mutex
	got  []int
	lost []uint64
}

func (s *slow) handle(e relay.Event, _ bool) {
	s.gate.Lock()
	defer s.gate.Unlock()
	s.got = append(s.got, e.Attempt)
}

func (s *slow) tell(n uint64) { s.lost = append(s.lost, n) }

func numbered(n int) relay.Event { return relay.Event{Attempt: n} }

func TestFanout(t *testing.T) {
	var a, b slow
	qa, qb := NewQueue(1, a.handle, a.tell), NewQueue(1, b.handle, b.tell)
	Fanout{qa, qb}.Emit(numbered(7))
	for _, q := range []*Queue{qa, qb} {
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(a.got, []int{7}) || !slices.Equal(b.got, []int{7}) {
		t.Errorf("got %v and %v", a.got, b.got)
	}
}

func TestQueueKeepsTheOrder(t *testing.T) {
	var s slow
	q := NewQueue(100, s.handle, s.tell)
	var want []int
	for n := range 100 {
		q.Emit(numbered(n))
		want = append(want, n)
	}
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.got, want) || s.lost != nil {
		t.Errorf("got %v, lost %v", s.got, s.lost)
	}
}

func TestStalledHandlerStallsNobody(t *testing.T) {
	var s slow
	s.gate.Lock()
	q := NewQueue(4, s.handle, s.tell)
	for n := range 1000 {
		q.Emit(numbered(n)) // would hang here
	}
	s.gate.Unlock()
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.lost) != 1 {
		t.Fatalf("the loss was told %d times, want once", len(s.lost))
	}
	if n := len(s.got) + int(s.lost[0]); n != 1000 {
		t.Errorf("%d events were handled or told as lost, want 1000", n)
	}
	q.Emit(numbered(1))
	if err := q.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestCloseHasABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		q := NewQueue(4, func(relay.Event, bool) { <-release }, func(uint64) {})
		q.Emit(numbered(1))
		synctest.Wait()
		q.Emit(numbered(2))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want the deadline", err)
		}
		close(release)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestQueueIsSafeForConcurrentUse(t *testing.T) {
	var s slow
	q := NewQueue(16, s.handle, s.tell)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 500 {
				q.Emit(numbered(n))
			}
		})
	}
	all.Wait()
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := uint64(len(s.got))
	for _, l := range s.lost {
		n += l
	}
	if n != 4000 {
		t.Errorf("%d events were handled or told as lost, want 4000", n)
	}
}
