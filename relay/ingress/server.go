package ingress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
)

// Deps are what a Server works with. All but Log, Filters, Dedupe, Instance and
// Inherited must be set.
type Deps struct {
	Spool  Spool
	Router Router
	Sink   Sink
	NewID  func() relay.ID // called for each message; safe for concurrent use
	Log    hclog.Logger    // nil: none

	// Rejected, where it is set, is called for each refusal, those too that no
	// event tells of. It must not block.
	Rejected func(listener string, code int)

	Filters *Filters // nil: none
	Dedupe  *Dedupe  // nil: a message that comes twice is two

	// Instance names this relay in its Received lines, so that mail that comes
	// back again and again is known: "" for hop counting only.
	Instance string

	// Inherited are the sockets that came with the process, for "systemd:NAME"
	// addresses. A Server that listens on them closes them.
	Inherited map[string][]net.Listener
}

// Server takes mail in on all its listeners. Call Listen, then Start, and
// Shutdown to end both; none of them twice.
type Server struct {
	Deps
	log hclog.Logger
	lns []*listener

	repairs tally
	buffers buffers
	links   links
	reserve reserve
	accepts sync.WaitGroup // accept loops
	serves  sync.WaitGroup // go-smtp's

	drain     context.Context // done: no new connection, no new command
	stopDrain context.CancelFunc
	force     context.Context // done: what is still under way is given up
	stopForce context.CancelFunc

	closers []func() // of the sockets, in the order of their opening
}

// New makes a Server. It reads the files that the options name (certificates,
// users); its errors say which listener is wrong.
func New(options []Options, deps Deps) (*Server, error) {
	s := &Server{Deps: deps, log: deps.Log}
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	s.drain, s.stopDrain = context.WithCancel(context.Background())
	s.force, s.stopForce = context.WithCancel(context.Background())
	for _, o := range options {
		ln, err := s.newListener(o)
		if err != nil {
			return nil, fmt.Errorf("listener %q: %w", o.Name, err)
		}
		s.lns = append(s.lns, ln)
	}
	return s, nil
}

func (s *Server) newListener(o Options) (*listener, error) {
	ln := &listener{srv: s, opts: o.withDefaults(), clear: newQueue(), secure: newQueue()}
	ln.doors.opts = &ln.opts
	ln.rates.limit = o.RatePerClient
	if o.TLS != nil {
		certs, err := loadCertificates(*o.TLS, s.log)
		if err != nil {
			return nil, err
		}
		ln.certs = certs
	}
	if o.Auth != nil {
		guard, err := newGuard(o.Auth.UsersFile, s.log)
		if err != nil {
			return nil, err
		}
		ln.guard = guard
	}
	return ln, nil
}

// Listen binds every address. On an error none stays bound.
func (s *Server) Listen() error {
	s.reserve.hold()
	s.closers = append(s.closers, s.reserve.close)
	for _, ln := range s.lns {
		if err := s.listen(ln); err != nil {
			s.closeSockets()
			return fmt.Errorf("listener %q: %w", ln.opts.Name, err)
		}
	}
	return nil
}

// listen binds the addresses of a listener: all of them, or those that can be
// bound where they are optional, but not none.
func (s *Server) listen(ln *listener) error {
	var failed []error
	for _, address := range ln.opts.Addresses {
		nets, err := bind(address, s.Inherited)
		switch {
		case err != nil && !ln.opts.Optional:
			return err
		case err != nil:
			failed = append(failed, err)
			continue
		}
		for _, l := range nets {
			ln.nets = append(ln.nets, l)
			s.closers = append(s.closers, func() { l.Close() })
		}
	}
	if len(ln.nets) == 0 {
		return errors.Join(failed...)
	}
	for _, err := range failed {
		s.log.Warn("a default address of the listener is left out", "listener", ln.opts.Name, "reason", err.Error())
	}
	return nil
}

// Addrs gives the addresses of the sockets of a listener, in the order of its
// options, once Listen has bound them.
func (s *Server) Addrs(listener string) []net.Addr {
	var addrs []net.Addr
	for _, ln := range s.lns {
		if ln.opts.Name == listener {
			for _, l := range ln.nets {
				addrs = append(addrs, l.Addr())
			}
		}
	}
	return addrs
}

// Start takes connections in from now on, until Shutdown.
func (s *Server) Start() {
	for _, ln := range s.lns {
		s.serves.Go(func() { ln.smtpServer(false).Serve(ln.clear) })
		s.serves.Go(func() { ln.smtpServer(true).Serve(ln.secure) })
		for _, l := range ln.nets {
			s.accepts.Go(func() { ln.accept(l) })
		}
	}
}

// Shutdown stops listening, and ends the sessions: those that wait for a
// command are told 421 and closed at once, bodies that are on their way may
// finish until ctx ends. Then all sockets are closed. It returns when every
// session has ended, with ctx's error if some had to be broken off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopDrain()
	s.closeSockets()
	s.accepts.Wait()
	s.links.each((*link).wake)
	done := s.links.done()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("some sessions were broken off: %w", ctx.Err())
		s.links.each(func(l *link) { l.raw.Close() })
		s.stopForce()
		<-done
	}
	s.stopForce()
	for _, ln := range s.lns {
		ln.clear.Close()
		ln.secure.Close()
	}
	s.serves.Wait()
	return err
}

func (s *Server) closeSockets() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

func (s *Server) draining() bool { return s.drain.Err() != nil }

// pause waits, and reports false when the server began to drain meanwhile.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.drain.Done():
		return false
	}
}
