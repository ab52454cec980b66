package event

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"relaykeep/relay"
)

// Queue is a Sink in front of a handler that may be slow. One goroutine hands
// the events to it in their order.
type Queue struct {
	events chan relay.Event
	handle func(e relay.Event, more bool)
	tell   func(lost uint64)
	lost   atomic.Uint64

	closeOnce sync.Once
	closing   chan struct{} // closed by Close
	drained   chan struct{} // closed when the goroutine has ended
}

// NewQueue starts a queue of at most size events. handle takes an event, and
// more says that it is called with another one at once; tell is told how many
// were dropped, once the queue is half empty again. They are never called at
// the same time. Close ends the queue.
func NewQueue(size int, handle func(e relay.Event, more bool), tell func(lost uint64)) *Queue {
	q := &Queue{
		events:  make(chan relay.Event, max(size, 1)),
		handle:  handle,
		tell:    tell,
		closing: make(chan struct{}),
		drained: make(chan struct{}),
	}
	go q.drain()
	return q
}

// Emit implements Sink. After Close it does nothing.
func (q *Queue) Emit(e relay.Event) {
	select {
	case <-q.closing:
		return
	default:
	}
	select {
	case q.events <- e:
	default:
		q.lost.Add(1)
	}
}

// Close waits until the handler has had what is in the queue, or until ctx
// ends: then it returns an error that says how many events were not handled,
// and the handler is left alone with the one that it hangs in. It may be called
// again.
func (q *Queue) Close(ctx context.Context) error {
	q.closeOnce.Do(func() { close(q.closing) })
	select {
	case <-q.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d events were not handled in time: %w", len(q.events)+int(q.lost.Load()), ctx.Err())
	}
}

func (q *Queue) drain() {
	defer close(q.drained)
	for {
		select {
		case e := <-q.events:
			q.take(e)
		case <-q.closing:
			q.finish()
			return
		}
	}
}

// finish handles what was in the queue when it was closed.
func (q *Queue) finish() {
	for {
		select {
		case e := <-q.events:
			q.take(e)
		default:
			q.tellLoss()
			return
		}
	}
}

func (q *Queue) take(e relay.Event) {
	q.handle(e, len(q.events) > 0) // nobody else takes any
	// Not before there is room: a reader that is slow all the time would get
	// a line about losses for every other event.
	if len(q.events) <= cap(q.events)/2 {
		q.tellLoss()
	}
}

func (q *Queue) tellLoss() {
	if q.lost.Load() == 0 {
		return
	}
	q.tell(q.lost.Swap(0))
}
