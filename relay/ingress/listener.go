package ingress

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/hashicorp/go-hclog"
)

// The wait after an error of accept, doubled each time.
const (
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = 1 * time.Second
	refuseTime   = 1 * time.Second // for the reply to who may not come in
)

// listener is one Options at work: its sockets, its limits, and two go-smtp
// servers, one for sessions in clear and one for sessions over TLS. Only the
// first offers STARTTLS.
type listener struct {
	srv      *Server
	opts     Options
	doors    *doors // shared with those whose place it has taken, as are rates and refusals
	rates    *rates
	certs    *certificates // nil: no TLS
	guard    *guard        // nil: no AUTH
	refusals *refusals

	clear, secure *queue

	mu      sync.Mutex
	links   int  // connections that have come in
	retired bool // another has its place; what has come in goes on
}

// join counts a connection; false: the listener has ended, and another has its
// place.
func (ln *listener) join() bool {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.retired && ln.links == 0 {
		return false
	}
	ln.links++
	return true
}

func (ln *listener) leave() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.links--
	ln.end()
}

// retire ends the listener once its last connection has ended.
func (ln *listener) retire() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.retired = true
	ln.end()
}

func (ln *listener) end() {
	if ln.retired && ln.links == 0 {
		ln.clear.Close()
		ln.secure.Close()
	}
}

// hardLimit is the size, in bytes, past which a refused message is not read to
// its end.
func (ln *listener) hardLimit() int64 {
	return ln.opts.MaxMessageSize + ln.opts.MaxMessageSize/2
}

// smtpServer makes the go-smtp server of a kind of session. AUTH is decided by
// the session and STARTTLS by the conn: TLSConfig only makes it offered.
func (ln *listener) smtpServer(secure bool) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return ln.newSession(c)
	}))
	s.Domain = ln.opts.Hostname
	s.MaxMessageBytes = ln.opts.MaxMessageSize
	s.MaxLineLength = 0 // the conn bounds lines
	s.AllowInsecureAuth = true
	s.EnableSMTPUTF8 = true
	s.EnableDSN = true
	s.ErrorLog = errorLog{ln.srv.log}
	if !secure && ln.certs != nil {
		s.TLSConfig = ln.certs.config
	}
	return s
}

// errorLog is go-smtp's log: what clients cause is worth no line, a panic is.
type errorLog struct{ log hclog.Logger }

// Printf implements smtp.Logger.
func (e errorLog) Printf(format string, v ...any) {
	if strings.HasPrefix(format, "panic") {
		e.log.Error("go-smtp: " + fmt.Sprintf(format, v...))
		return
	}
	e.log.Debug("go-smtp: " + fmt.Sprintf(format, v...))
}

// Println implements smtp.Logger.
func (e errorLog) Println(v ...any) { e.log.Debug("go-smtp: " + fmt.Sprint(v...)) }

// accept takes connections in until the socket is closed.
func (s *Server) accept(k *socket) {
	wait := firstBackoff
	for {
		raw, err := k.Accept()
		switch {
		case err == nil:
			wait = firstBackoff
			for !k.ln.Load().admit(raw) {
				// It has ended since: another has taken its place before.
			}
		case errors.Is(err, net.ErrClosed):
			return
		case outOfFiles(err) && s.reserve.refuse(k.Listener):
			s.log.Warn("out of file descriptors, a client was sent away", "listener", k.ln.Load().opts.Name)
		default:
			s.log.Warn("cannot accept connections", "listener", k.ln.Load().opts.Name, "error", err)
			if !s.pause(wait) {
				return
			}
			wait = min(2*wait, lastBackoff)
		}
	}
}

func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// admit gives a connection to a session, or sends it away; false: the listener
// has ended, and has done neither.
func (ln *listener) admit(raw net.Conn) bool {
	if !ln.join() {
		return false
	}
	c := clientOf(raw)
	r := ln.doors.enter(c, &ln.opts)
	if r == nil && ln.srv.draining() {
		ln.doors.leave(c)
		r = replyDown
	}
	implicit := ln.certs != nil && ln.opts.TLS.Implicit && c.addr.IsValid()
	if r != nil {
		ln.rejected(c, r)
		if !implicit {
			sendAway(raw, r)
		}
		raw.Close()
		ln.leave()
		return true
	}
	l := &link{raw: raw, client: c, ln: ln}
	ln.srv.links.add(l)
	q, wire := ln.clear, newConn(l, nil)
	if implicit {
		q, wire = ln.secure, newConn(l, tls.Server(raw, ln.certs.config))
	}
	if !q.push(wire) {
		l.close()
	}
	return true
}

// sendAway says why, in the time that a socket with an empty buffer needs.
func sendAway(raw net.Conn, r *smtp.SMTPError) {
	raw.SetWriteDeadline(time.Now().Add(refuseTime))
	raw.Write([]byte(line(r)))
}

// queue is the net.Listener that go-smtp is given: connections come from the
// doors, and from STARTTLS.
type queue struct {
	conns chan *conn
	done  chan struct{}
	once  sync.Once
}

func newQueue() *queue {
	return &queue{conns: make(chan *conn), done: make(chan struct{})}
}

// push hands a conn over; false: the queue is closed.
func (q *queue) push(c *conn) bool {
	select {
	case q.conns <- c:
		return true
	case <-q.done:
		return false
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return &net.UnixAddr{Name: "smtp", Net: "queue"} }
