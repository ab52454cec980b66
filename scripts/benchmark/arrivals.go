package main

import (
	"context"
	"fmt"
	"sync"
)

// arrivals count the messages that a sink has taken.
type arrivals struct {
	mu    *sync.Mutex
	grown *sync.Cond
	got   int
	ended bool // nothing more will come
}

func newArrivals() arrivals {
	mu := new(sync.Mutex)
	return arrivals{mu: mu, grown: sync.NewCond(mu)}
}

// change changes the count, or its end, and tells those who wait.
func (a *arrivals) change(do func()) {
	a.mu.Lock()
	do()
	a.mu.Unlock()
	a.grown.Broadcast()
}

// count is how many have arrived.
func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.got
}

// wait returns when n messages have arrived.
func (a *arrivals) wait(ctx context.Context, n int) error {
	defer context.AfterFunc(ctx, func() { a.change(func() {}) })()
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.got < n {
		if a.ended || ctx.Err() != nil {
			return fmt.Errorf("%d of %d messages arrived", a.got, n)
		}
		a.grown.Wait()
	}
	return nil
}
