package bounce

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxSenders bounds the table of senders; past it the one that was told
// longest ago is forgotten.
const maxSenders = 10_000

// limiter counts the notices to each sender. It lives in memory: a restart
// begins anew.
type limiter struct {
	limit Limit

	mu   sync.Mutex
	by   map[string]*list.Element
	told list.List // of *budget, the one told last in front
}

type budget struct {
	sender string
	left   *rate.Limiter
}

func newLimiter(l Limit) *limiter { return &limiter{limit: l, by: make(map[string]*list.Element)} }

// allow reports whether the sender may be told once more, and counts it.
func (l *limiter) allow(sender string, now time.Time) bool {
	if l.limit.N <= 0 || l.limit.Per <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.by[sender]
	if at == nil {
		every := rate.Every(l.limit.Per / time.Duration(l.limit.N))
		at = l.told.PushFront(&budget{sender, rate.NewLimiter(every, l.limit.N)})
		l.by[sender] = at
	}
	l.told.MoveToFront(at)
	if len(l.by) > maxSenders {
		last := l.told.Back()
		l.told.Remove(last)
		delete(l.by, last.Value.(*budget).sender)
	}
	return at.Value.(*budget).left.AllowN(now, 1)
}
