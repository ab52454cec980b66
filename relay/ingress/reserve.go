package ingress

import (
	"net"
	"os"
	"sync"
	"time"
)

// refuseWait bounds the wait for a client that should be waiting already.
const refuseWait = 100 * time.Millisecond

// reserve is a file descriptor that is given up for the time of telling a
// client that there are none left.
type reserve struct {
	mu sync.Mutex
	f  *os.File
}

// refuse answers one waiting client by 421. It reports false when that could
// not be done.
func (r *reserve) refuse(l net.Listener) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f == nil {
		r.open()
		return false
	}
	r.f.Close()
	r.f = nil
	defer r.open()
	if t, ok := l.(interface{ SetDeadline(time.Time) error }); ok { // the client may have gone: do not wait for the next
		t.SetDeadline(time.Now().Add(refuseWait))
		defer t.SetDeadline(time.Time{})
	}
	raw, err := l.Accept()
	if err != nil {
		return false
	}
	sendAway(raw, replyConnections)
	raw.Close()
	return true
}

func (r *reserve) open() {
	if f, err := os.Open(os.DevNull); err == nil {
		r.f = f
	}
}

// hold takes the descriptor.
func (r *reserve) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f == nil {
		r.open()
	}
}

// close gives it back.
func (r *reserve) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f != nil {
		r.f.Close()
		r.f = nil
	}
}
