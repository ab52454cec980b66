package ingress

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sweepEvery is how many new clients come between two sweeps of the map.
const sweepEvery = 1024

// rates bounds the messages of each client.
type rates struct {
	limit Rate

	mu   sync.Mutex
	by   map[netip.Prefix]*rate.Limiter
	news int
}

// allow takes one message from what the client may send now.
func (r *rates) allow(c client, now time.Time) bool {
	if r.limit.N <= 0 || r.limit.Per <= 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.by[c.key()]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(float64(r.limit.N)/r.limit.Per.Seconds()), r.limit.N)
		r.sweep(now)
		r.by[c.key()] = l
	}
	return l.AllowN(now, 1)
}

// sweep forgets the clients that have their whole rate again.
func (r *rates) sweep(now time.Time) {
	if r.by == nil {
		r.by = make(map[netip.Prefix]*rate.Limiter)
	}
	if r.news++; r.news < sweepEvery {
		return
	}
	r.news = 0
	for k, l := range r.by {
		if l.TokensAt(now) >= float64(r.limit.N) {
			delete(r.by, k)
		}
	}
}
