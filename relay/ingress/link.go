package ingress

import (
	"net"
	"sync"
	"time"
)

// link is one accepted socket, from the door to its close. The conns on it come
// one after the other: in clear, then over TLS.
type link struct {
	raw    net.Conn
	client client
	ln     *listener

	mu      sync.Mutex
	waiting bool // for a command: may be woken up to close
	closed  bool
}

// beginWait sets the time for the next read of a command. It reports false when
// the server is draining: then no command is waited for.
func (l *link) beginWait(d time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln.srv.draining() {
		return false
	}
	l.waiting = true
	l.raw.SetReadDeadline(time.Now().Add(d))
	return true
}

func (l *link) endWait() {
	l.mu.Lock()
	l.waiting = false
	l.mu.Unlock()
}

// wake ends a wait for a command: the conn finds the server draining.
func (l *link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting {
		l.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// close closes the socket and gives its place free. It may be called again.
func (l *link) close() {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return
	}
	l.raw.Close()
	l.ln.doors.leave(l.client)
	l.ln.leave()
	l.ln.srv.links.remove(l)
}

// links are the sockets and the work that a shutdown waits for.
type links struct {
	mu   sync.Mutex
	open map[*link]struct{}
	work int           // bodies that are being taken in, and sessions
	idle chan struct{} // closed when nothing is left, once wanted
}

func (s *links) add(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*link]struct{})
	}
	s.open[l] = struct{}{}
}

func (s *links) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, l)
	s.check()
}

// begin counts work that outlives its socket; the caller calls end.
func (s *links) begin() {
	s.mu.Lock()
	s.work++
	s.mu.Unlock()
}

func (s *links) end() {
	s.mu.Lock()
	s.work--
	s.check()
	s.mu.Unlock()
}

func (s *links) check() {
	if s.idle != nil && len(s.open) == 0 && s.work == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// done returns a channel that closes when no socket is open and no work is
// left. New ones must not come any more.
func (s *links) done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := make(chan struct{})
	s.idle = idle
	s.check()
	return idle
}

// each calls fn for every open socket.
func (s *links) each(fn func(*link)) {
	s.mu.Lock()
	all := make([]*link, 0, len(s.open))
	for l := range s.open {
		all = append(all, l)
	}
	s.mu.Unlock()
	for _, l := range all {
		fn(l)
	}
}
