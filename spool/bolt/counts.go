package bolt

import (
	"sync"

	"relaykeep/spool"
)

// publishedCounts are the counts as they are on disk.
type publishedCounts struct {
	mu  sync.Mutex
	now spool.Counts
}

func (p *publishedCounts) set(c spool.Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = c
}

// get gives a value that nobody changes any more.
func (p *publishedCounts) get() spool.Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *publishedCounts) plus(d *spool.Counts) spool.Counts {
	now := p.get()
	return now.Plus(d)
}
