package ingress

import (
	"net/netip"
	"sync"

	"github.com/emersion/go-smtp"
)

// doors counts the connections of a listener and says who may come in.
type doors struct {
	mu  sync.Mutex
	all int
	by  map[netip.Prefix]int
}

// enter counts a new connection, or gives the reply that refuses it.
func (d *doors) enter(c client, opts *Options) *smtp.SMTPError {
	if !c.allowed(opts.Allow) {
		return replyDenied
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case opts.MaxConnections > 0 && d.all >= opts.MaxConnections:
		return replyConnections
	case opts.MaxConnectionsPerClient > 0 && d.by[c.key()] >= opts.MaxConnectionsPerClient:
		return replyPerClient
	}
	if d.by == nil {
		d.by = make(map[netip.Prefix]int)
	}
	d.all++
	d.by[c.key()]++
	return nil
}

// leave gives the place of a connection free.
func (d *doors) leave(c client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all--
	if d.by[c.key()]--; d.by[c.key()] <= 0 {
		delete(d.by, c.key())
	}
}
