package delivery

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxSenders bounds how many refused senders a lane remembers.
const maxSenders = 1000

// senders are those that an upstream refuses. Whether that is over only a real
// message can tell: one is let through when a cool-down is over, which grows
// from one to the next. Safe for concurrent use.
type senders struct {
	limits Breaker // of the cool-downs
	some   atomic.Bool

	mu sync.Mutex
	by map[string]*refusal
}

// refusal is what is known of one sender.
type refusal struct {
	until    time.Time // the next message to try is let through then
	cooldown time.Duration
}

// admit reports whether a message from a sender may go to the upstream: now and
// then one does that is refused otherwise.
func (b *senders) admit(from string, now time.Time) bool {
	if !b.some.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.by[from]
	switch {
	case r == nil:
		return true
	case now.Before(r.until):
		return false
	}
	r.until = now.Add(r.cooldown)
	r.cooldown = min(2*r.cooldown, b.limits.MaxCooldown)
	return true
}

// block begins to refuse a sender. One whom an earlier process has refused is
// tried at once.
func (b *senders) block(from string, now time.Time, restored bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by[from] != nil || len(b.by) >= maxSenders {
		return
	}
	r := &refusal{until: now, cooldown: b.limits.Cooldown}
	if !restored {
		r.until = now.Add(r.cooldown)
		r.cooldown = min(2*r.cooldown, b.limits.MaxCooldown)
	}
	if b.by == nil {
		b.by = make(map[string]*refusal)
	}
	b.by[from] = r
	b.some.Store(true)
}

// due gives the refused senders of whom a message may be tried now.
func (b *senders) due(now time.Time) (all []string) {
	if !b.some.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for from, r := range b.by {
		if !now.Before(r.until) {
			all = append(all, from)
		}
	}
	return all
}

// tryNow lets the next message of each refused sender through.
func (b *senders) tryNow(now time.Time) {
	if !b.some.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.by {
		r.until = now
	}
}

func (b *senders) unblock(from string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.by, from)
	b.some.Store(len(b.by) > 0)
}

// takeOver refuses whom another refuses.
func (b *senders) takeOver(other *senders) {
	other.mu.Lock()
	defer other.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.by = make(map[string]*refusal, len(other.by))
	for from, r := range other.by {
		copied := *r
		b.by[from] = &copied
	}
	b.some.Store(len(b.by) > 0)
}

// full reports whether there is no room for another sender.
func (b *senders) full(from string) bool {
	if !b.some.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.by[from] == nil && len(b.by) >= maxSenders
}

// blocks reports whether a sender is refused.
func (b *senders) blocks(from string) bool {
	if !b.some.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.by[from] != nil
}
