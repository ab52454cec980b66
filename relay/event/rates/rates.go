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

// A Counter looks back for spans of slot each.
const (
	slot  = 10 * time.Second
	slots = int64(time.Hour / slot)
)

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

// Counter is an event.Sink that counts by spans of ten seconds. Its zero value is ready
// to use; it is safe for concurrent use.
type Counter struct {
	mu     sync.Mutex
	newest int64 // the span, since 1970, that was counted last
	counts [slots]Tally
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
	c.counts[c.newest%slots].add(one)
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

// Last counts what happened within the time before now, an hour at most, and
// up to ten seconds more.
func (c *Counter) Last(now time.Time, within time.Duration) (sum Tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	for back := range min(int64(within/slot)+1, slots) {
		if c.newest >= back {
			sum.add(c.counts[(c.newest-back)%slots])
		}
	}
	return sum
}

// turn clears the spans that nothing was counted in. A clock that goes back
// goes on counting in the newest one; where it goes back by more than the
// Counter remembers it begins anew. The caller holds c.mu.
func (c *Counter) turn(now time.Time) {
	at := now.Unix() / int64(slot/time.Second)
	if at < c.newest-slots {
		c.counts, c.newest = [slots]Tally{}, at
		return
	}
	for n := min(at-c.newest, slots); n > 0; n-- {
		c.counts[(at-n+1)%slots] = Tally{}
	}
	c.newest = max(c.newest, at)
}
