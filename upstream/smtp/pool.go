package smtp

import (
	"slices"
	"sync"
	"time"
)

// pool keeps connections between messages, the one used last on top, so that
// under little load the others grow idle and go.
type pool struct {
	max     int
	timeout time.Duration

	mu     sync.Mutex
	idle   []*conn // by idleSince, oldest first
	reaper *time.Timer
	closed bool
	quits  sync.WaitGroup // farewells under way
}

func newPool(maxIdle int, timeout time.Duration) *pool {
	return &pool{max: maxIdle, timeout: timeout}
}

// get gives a kept connection that is alive as far as can be seen without
// asking it, or nil.
func (p *pool) get() *conn {
	for {
		c := p.pop()
		if c == nil {
			return nil
		}
		if c.isQuiet() {
			c.kept, c.replies = true, 0
			return c
		}
		c.close()
	}
}

func (p *pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return c
}

// put keeps c for the next message, or takes leave where there is no room.
func (p *pool) put(c *conn) {
	if c.rest() != nil {
		c.close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.max {
		p.quit(c)
		return
	}
	c.idleSince = time.Now()
	p.idle = append(p.idle, c)
	if len(p.idle) == 1 {
		p.wake(p.timeout)
	}
}

// discard takes leave of c, politely where it is sound.
func (p *pool) discard(c *conn) {
	if c.broken {
		c.close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quit(c)
}

// quit says goodbye in the background, or just closes when the pool is closed.
// It wants the lock.
func (p *pool) quit(c *conn) {
	if p.closed {
		c.close()
		return
	}
	p.quits.Go(c.quit)
}

// wake sets the reaper. It wants the lock.
func (p *pool) wake(d time.Duration) {
	if p.reaper == nil {
		p.reaper = time.AfterFunc(d, p.reap)
		return
	}
	p.reaper.Reset(d)
}

// reap takes leave of all that have been idle for too long.
func (p *pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := time.Now()
	n := 0
	for n < len(p.idle) && now.Sub(p.idle[n].idleSince) >= p.timeout {
		p.quit(p.idle[n])
		n++
	}
	p.idle = slices.Delete(p.idle, 0, n)
	if len(p.idle) > 0 {
		p.wake(p.idle[0].idleSince.Add(p.timeout).Sub(now))
	}
}

// close takes leave of all kept connections and waits until that is done,
// quitTimeout at most.
func (p *pool) close() {
	p.mu.Lock()
	for _, c := range p.idle {
		p.quit(c)
	}
	p.idle = nil
	p.closed = true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.mu.Unlock()
	p.quits.Wait()
}
