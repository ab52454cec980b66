// Package rates counts what happened in the last minutes, for people who look
// at the daemon. A Counter takes little and constant memory, and forgets what
// is more than an hour old.
package rates

import (
	"sync"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/event"
)

// minutes is how far a Counter looks back.
const minutes = 60

// Tally counts what happened in a span of time.
type Tally struct {
	Accepted  int64 // messages, notices of our own too
	Delivered int64 // recipients
	Deferred  int64 // attempts at a recipient that were put off, or passed on to another upstream
	Failed    int64 // recipients that bounced or expired
}

func (t *Tally) add(o Tally) {
	t.Accepted += o.Accepted
	t.Delivered += o.Delivered
	t.Deferred += o.Deferred
	t.Failed += o.Failed
}

// Counter is an event.Sink that counts by the minute. Its zero value is ready
// to use; it is safe for concurrent use.
type Counter struct {
	mu      sync.Mutex
	newest  int64 // the minute, since 1970, that was counted last
	minutes [minutes]Tally
}

var _ event.Sink = (*Counter)(nil)

// Emit implements event.Sink.
func (c *Counter) Emit(e relay.Event) {
	one := worth(e.Kind)
	if one == (Tally{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(e.At)
	c.minutes[c.newest%minutes].add(one)
}

// worth is what an event counts.
func worth(kind relay.EventKind) (t Tally) {
	switch kind {
	case relay.EventAccepted:
		t.Accepted = 1
	case relay.EventDelivered:
		t.Delivered = 1
	case relay.EventDeferred, relay.EventFailover:
		t.Deferred = 1
	case relay.EventBounced, relay.EventExpired:
		t.Failed = 1
	}
	return t
}

// Last counts the minute of now and those before it, n together, 1 to 60.
func (c *Counter) Last(now time.Time, n int) (sum Tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	for back := range int64(min(max(n, 1), minutes)) {
		if c.newest >= back {
			sum.add(c.minutes[(c.newest-back)%minutes])
		}
	}
	return sum
}

// turn clears the minutes that nothing was counted in. A clock that goes back
// goes on counting in the newest minute; one that goes back by more than the
// Counter remembers begins anew. The caller holds c.mu.
func (c *Counter) turn(now time.Time) {
	minute := now.Unix() / 60
	if minute < c.newest-minutes {
		c.minutes, c.newest = [minutes]Tally{}, minute
		return
	}
	for n := min(minute-c.newest, minutes); n > 0; n-- {
		c.minutes[(minute-n+1)%minutes] = Tally{}
	}
	c.newest = max(c.newest, minute)
}
