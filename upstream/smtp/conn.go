package smtp

import (
	"bufio"
	"context"
	"net"
	"sync"
	"time"
)

// conn is one connection to the server, used by one goroutine at a time.
type conn struct {
	raw   net.Conn // the socket: deadlines, liveness
	nc    net.Conn // what is spoken through: raw, or TLS over it
	br    *bufio.Reader
	out   []byte // commands to be written
	group []step // what they are
	rep   reply
	to    timeouts
	alive

	ext       extensions
	encrypted bool
	verified  bool // the certificate was verified or pinned

	used      int       // transactions begun
	idleSince time.Time // while kept
	kept      bool      // taken from the pool
	replies   int       // that came since it was taken
	needReset bool      // a transaction was broken off
	broken    bool      // must not be used again

	mu          sync.Mutex
	interrupted bool   // the context has ended: no deadline is set any more
	cut         bool   // writes are to fail
	interrupt   func() // the method, once
}

func newConn(nc net.Conn, to timeouts) *conn {
	c := &conn{raw: nc, nc: nc, br: bufio.NewReaderSize(nc, maxReplyLine), to: to}
	c.interrupt = c.interruptNow
	c.alive.init(nc)
	return c
}

// bind makes the end of ctx interrupt c at once. The caller calls release when
// c is not at work for ctx any more.
func (c *conn) bind(ctx context.Context) (release func()) {
	stop := context.AfterFunc(ctx, c.interrupt)
	return func() {
		if !stop() {
			c.broken = true
		}
	}
}

func (c *conn) interruptNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	_ = c.raw.SetDeadline(past())
}

func (c *conn) wasInterrupted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.interrupted
}

// allowRead gives the next reads d from now, or for ever where d is 0, unless c
// is interrupted.
func (c *conn) allowRead(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted {
		_ = c.raw.SetReadDeadline(in(d))
	}
}

// allowWrite gives the next writes d from now, unless c is interrupted or its
// writes are cut.
func (c *conn) allowWrite(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted && !c.cut {
		_ = c.raw.SetWriteDeadline(in(d))
	}
}

// cutWrites lets a write that blocks, and all to come, fail at once.
func (c *conn) cutWrites() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	_ = c.raw.SetWriteDeadline(past())
}

// rest lifts all deadlines of a sound connection, for the time it is kept.
func (c *conn) rest() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
	return c.raw.SetDeadline(time.Time{})
}

// past is a deadline that is over.
func past() time.Time { return time.Unix(1, 0) }

// in is the deadline d from now; none for 0.
func in(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// read reads one reply into c.rep, within d.
func (c *conn) read(d time.Duration) error {
	c.allowRead(d)
	return c.noted(c.rep.read(c.br))
}

// noted draws the conclusions for c from how the reading of c.rep ended.
func (c *conn) noted(err error) error {
	if err != nil {
		c.broken = true
		return err
	}
	c.replies++
	if c.rep.code == 421 { // the server is about to close
		c.broken = true
	}
	return nil
}

// readClean is read for every place where a reply with control bytes is no
// good reply. A refusal is one all the same: its code counts, its text is
// escaped where it is shown.
func (c *conn) readClean(d time.Duration) error {
	if err := c.read(d); err != nil {
		return err
	}
	if c.rep.dirty && unexpected(&c.rep) {
		c.broken = true
		return &ProtocolError{Reason: "control characters in a reply", Got: escape(c.rep.text, maxGot)}
	}
	return nil
}

// flush writes the commands in c.out.
func (c *conn) flush() error {
	c.allowWrite(c.to.block)
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		c.broken = true
	}
	return err
}

// command sends one line and reads the reply to it.
func (c *conn) command(line string, d time.Duration) error {
	c.out = append(append(c.out[:0], line...), "\r\n"...)
	if err := c.flush(); err != nil {
		return c.lateError(err)
	}
	return c.readClean(d)
}

// lateError looks for a refusal that came before a write failed: a server that
// says 421 and closes is heard. It returns nil when there is one, in c.rep.
func (c *conn) lateError(writeErr error) error {
	if c.wasInterrupted() || c.readClean(lateReply) != nil || unexpected(&c.rep) {
		return writeErr
	}
	return nil
}

// stale reports whether a failure is only that a kept connection was dead:
// no more than so many replies have come since it was taken.
func (c *conn) stale(replies int) bool { return c.kept && c.replies <= replies }

// close ends the connection without a word.
func (c *conn) close() { c.raw.Close() }

// quit says goodbye and closes a sound connection, within quitTimeout.
func (c *conn) quit() {
	defer c.nc.Close()
	_ = c.raw.SetDeadline(time.Now().Add(quitTimeout))
	if _, err := c.nc.Write([]byte("QUIT\r\n")); err == nil {
		_ = c.rep.read(c.br)
	}
}
