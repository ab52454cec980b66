package ingress

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"syscall"
)

// Rules are what messages are taken in by. A message goes by those that were in
// force at its MAIL.
type Rules struct {
	Router  Router
	Table   string   // fingerprint of what Router knows: see spool.Incoming
	Filters *Filters // nil: none
	Dedupe  *Dedupe  // nil: a message that comes twice is two
}

// Change is another configuration of a Server, ready to be used: its files have
// been read and its new addresses are bound. Call Commit or Abort, once.
type Change struct {
	s     *Server
	rules Rules
	lns   []*listener
	fresh []*socket             // bound, not yet listened to
	serve map[*socket]*listener // who serves each of the others that stay
	adopt []func()              // takes over the files that were read anew
}

// Prepare makes a Change. Nothing of it is seen before Commit; on an error,
// which says which listener is wrong, nothing is left of it. One Change at a
// time, between Start and Shutdown.
//
// A listener whose options are as before goes on as it is, with its files read
// again. Another of the same name takes its place for new connections and
// counts theirs together; an address that stays bound is not closed between the
// two. Sessions end as they began.
func (s *Server) Prepare(options []Options, rules Rules) (*Change, error) {
	c := &Change{s: s, rules: rules, serve: make(map[*socket]*listener)}
	for _, o := range options {
		if err := c.addListener(o); err != nil {
			return nil, fmt.Errorf("listener %q: %w", o.Name, err)
		}
	}
	for _, ln := range c.lns {
		c.claim(ln, func(k *socket) bool { return k.ln.Load().opts.Name == ln.opts.Name })
	}
	for _, ln := range c.lns {
		c.claim(ln, func(*socket) bool { return true })
	}
	for _, ln := range c.lns {
		if err := c.open(ln); err != nil {
			c.Abort()
			return nil, fmt.Errorf("listener %q: %w", ln.opts.Name, err)
		}
	}
	return c, nil
}

// addListener makes the listener of o, or finds the one that goes on.
func (c *Change) addListener(o Options) error {
	ln, err := c.s.newListener(o)
	if err != nil {
		return err
	}
	old := c.s.listener(o.Name)
	switch {
	case old == nil:
	case reflect.DeepEqual(old.opts, ln.opts):
		c.adopt = append(c.adopt, func() { old.certs.adopt(ln.certs); old.guard.adopt(ln.guard) })
		ln = old
	default:
		ln.doors, ln.refusals = old.doors, old.refusals
		if old.opts.RatePerClient == ln.opts.RatePerClient {
			ln.rates = old.rates
		}
		if old.guard != nil && ln.guard != nil && old.guard.path == ln.guard.path {
			read := ln.guard
			c.adopt = append(c.adopt, func() { old.guard.adopt(read) })
			ln.guard = old.guard // it knows who guesses
		}
	}
	c.lns = append(c.lns, ln)
	return nil
}

// claim gives a listener those of its addresses that are bound by a socket that
// fits.
func (c *Change) claim(ln *listener, fits func(*socket) bool) {
	for _, address := range c.missing(ln) {
		for _, k := range c.s.socks {
			if _, taken := c.serve[k]; taken || k.address != address || !fits(k) {
				continue
			}
			c.serve[k] = ln
			if !k.inherited() { // systemd may pass several by one name
				break
			}
		}
	}
}

// missing lists the addresses of a listener that no socket serves yet.
func (c *Change) missing(ln *listener) []string {
	addresses := slices.Clone(ln.opts.Addresses)
	for k, by := range c.serve {
		if i := slices.Index(addresses, k.address); by == ln && i >= 0 {
			addresses = slices.Delete(addresses, i, i+1)
		}
	}
	return addresses
}

// open binds what a listener misses. What could not be bound at the start, and
// need not be, is not tried again while nothing has changed.
func (c *Change) open(ln *listener) error {
	missing := c.missing(ln)
	if ln == c.s.listener(ln.opts.Name) {
		return nil
	}
	opened, err := c.s.open(ln, missing, len(missing) < len(ln.opts.Addresses))
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; where relaykeep itself has it, by another address with the same port, restart it", err)
	}
	c.fresh = append(c.fresh, opened...)
	return err
}

// Abort closes what was opened.
func (c *Change) Abort() { giveUp(c.fresh) }

// Commit puts the change to use. It cannot fail.
func (c *Change) Commit() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules.Store(&c.rules)
	for _, do := range c.adopt {
		do()
	}
	for _, ln := range c.lns {
		if !slices.Contains(s.lns, ln) {
			s.serve(ln)
		}
	}
	var stay, leave []*socket
	for _, k := range s.socks {
		ln := c.serve[k]
		if ln == nil {
			leave = append(leave, k)
			continue
		}
		k.ln.Store(ln)
		stay = append(stay, k)
	}
	for _, k := range leave {
		if k.inherited() {
			delete(s.Inherited, k.address[len(systemdPrefix):])
		}
		k.Close()
	}
	for _, k := range c.fresh {
		s.accepts.Go(func() { s.accept(k) })
	}
	old := s.lns
	s.lns, s.socks = c.lns, append(stay, c.fresh...)
	for _, ln := range old {
		if !slices.Contains(c.lns, ln) {
			ln.retire()
		}
	}
}

// listener is the one of this name, nil for none.
func (s *Server) listener(name string) *listener {
	for _, ln := range s.lns {
		if ln.opts.Name == name {
			return ln
		}
	}
	return nil
}
