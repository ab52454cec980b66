package upstreamtest

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Server is a running fake provider. All methods are safe for concurrent use.
type Server struct {
	o    Options
	ln   net.Listener
	rec  *record
	done chan struct{} // closed by Close

	queued atomic.Int64 // names given so far
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	conns   map[net.Conn]struct{}
	scripts map[Stage]*scripted
	release chan struct{} // closed by Release, then replaced
}

// scripted is a script and how often its stage was reached since it was set.
type scripted struct {
	script Script
	n      int
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	o = o.withDefaults()
	ln := o.Listener
	if ln == nil {
		var err error
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("fake provider: %w", err)
		}
	}
	s := &Server{
		o:       o,
		ln:      ln,
		rec:     newRecord(),
		done:    make(chan struct{}),
		conns:   make(map[net.Conn]struct{}),
		scripts: make(map[Stage]*scripted),
		release: make(chan struct{}),
	}
	s.wg.Go(s.accept)
	return s, nil
}

// Addr is the address to connect to, "host:port".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// On sets the script of a stage in place of the one before; nil brings back
// the usual answers.
func (s *Server) On(stage Stage, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[stage] = &scripted{script: script}
}

// Release lets go everything that is stalled now.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.release)
	s.release = make(chan struct{})
}

// DropAll closes every connection and goes on accepting new ones.
func (s *Server) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Close stops listening, ends all sessions and waits for their goroutines. It
// may be called again.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		s.ln.Close()
		for c := range s.conns {
			c.Close()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

func (s *Server) accept() {
	for {
		nc, err := s.ln.Accept()
		if err != nil {
			return
		}
		if !s.track(nc) {
			nc.Close()
			return
		}
		var n int
		s.rec.change(func() { s.rec.opened++; n = s.rec.opened })
		s.wg.Go(func() {
			defer s.rec.change(func() { s.rec.closed++ })
			defer s.untrack(nc)
			newSession(s, nc, n).serve()
		})
	}
}

func (s *Server) track(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[nc] = struct{}{}
	return true
}

func (s *Server) untrack(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, nc)
	nc.Close()
}

// act asks the script of a stage. The channel ends a stall: it is taken before
// the stage counts as reached, so that a Release after WaitStage is never missed.
func (s *Server) act(step Step) (Act, <-chan struct{}) {
	s.mu.Lock()
	release := s.release
	sc := s.scripts[step.Stage]
	if sc != nil {
		sc.n++
		step.N = sc.n
	}
	s.mu.Unlock()
	if sc == nil || sc.script == nil {
		return Act{}, release
	}
	return sc.script(step), release
}
