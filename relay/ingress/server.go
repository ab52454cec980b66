package ingress

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
)

// Deps are what a Server works with. All but Log, Filters, Dedupe, Instance and
// Inherited must be set.
type Deps struct {
	Spool  Spool
	Router Router
	Table  string // fingerprint of what Router knows: see spool.Incoming
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
	log   hclog.Logger
	rules atomic.Pointer[Rules]

	mu    sync.Mutex // of lns and socks, and of their change
	lns   []*listener
	socks []*socket

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
}

// New makes a Server. It reads the files that the options name (certificates,
// users); its errors say which listener is wrong.
func New(options []Options, deps Deps) (*Server, error) {
	s := &Server{Deps: deps, log: deps.Log}
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	s.rules.Store(&Rules{Router: deps.Router, Table: deps.Table, Filters: deps.Filters, Dedupe: deps.Dedupe})
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
	ln := &listener{
		srv: s, opts: o.withDefaults(), clear: newQueue(), secure: newQueue(),
		doors: &doors{}, rates: &rates{limit: o.RatePerClient}, refusals: &refusals{},
	}
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
	for _, ln := range s.lns {
		opened, err := s.open(ln, ln.opts.Addresses, false)
		if err != nil {
			s.closeSockets()
			return fmt.Errorf("listener %q: %w", ln.opts.Name, err)
		}
		s.socks = append(s.socks, opened...)
	}
	return nil
}

// Addrs gives the addresses of the sockets of a listener, in the order of its
// options, once Listen has bound them.
func (s *Server) Addrs(listener string) []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var addrs []net.Addr
	for _, k := range s.socks {
		if k.ln.Load().opts.Name == listener {
			addrs = append(addrs, k.Addr())
		}
	}
	return addrs
}

// Start takes connections in from now on, until Shutdown.
func (s *Server) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ln := range s.lns {
		s.serve(ln)
	}
	for _, k := range s.socks {
		s.accepts.Go(func() { s.accept(k) })
	}
}

// serve begins to answer what a listener admits.
func (s *Server) serve(ln *listener) {
	s.serves.Go(func() { ln.smtpServer(false).Serve(ln.clear) })
	s.serves.Go(func() { ln.smtpServer(true).Serve(ln.secure) })
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
		ln.retire()
	}
	s.serves.Wait()
	return err
}

func (s *Server) closeSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	closeAll(s.socks)
	s.reserve.close()
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
