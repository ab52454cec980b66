package ingress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/emersion/go-smtp"
)

// The bounds of a connection.
const (
	maxLine          = 4 << 10 // bytes of a command line; RFC 5321 and its extensions want less than 2 KiB
	maxReplies       = 4 << 10 // bytes of replies that wait to be written together
	maxErrors        = 100     // refused commands since the last message that was accepted
	writeTimeout     = 1 * time.Minute
	handshakeTimeout = 30 * time.Second
	lingerTimeout    = 2 * time.Second
	lingerBytes      = 16 << 20
)

// errBroken is what every use of a connection gives once it has ended. It
// matches net.ErrClosed, on which go-smtp ends a session without a word.
var errBroken = fmt.Errorf("connection broken off: %w", net.ErrClosed)

// conn is the wire that go-smtp reads commands from and writes replies to. Only
// the goroutine of its session uses it; in a BDAT transfer, the one that takes
// the message in stays away from it.
//
// Read gives one whole command line at a time, screened, or the bytes of a BDAT
// chunk, never more: so what comes next on the wire is always known, and DATA
// can be read from the conn directly (see body). Replies are written together,
// when the next read must wait (RFC 2920 3.2).
//
// An error of reading or writing is final: the connection is closed, and all
// that follows gives errBroken.
type conn struct {
	link  *link
	rw    net.Conn  // link.raw, or tls
	tls   *tls.Conn // nil in clear
	shake bool      // the TLS handshake is still to be done, by the first read
	greet bool      // go-smtp's greeting is to be swallowed: STARTTLS has none

	buf   []byte // read from rw, not yet taken: buf[r:w]
	r, w  int
	large bool   // buf is of the pool
	small []byte // the own one, while it is
	fed   []byte // for go-smtp, before anything else
	chunk int64  // bytes of a BDAT chunk still to come
	out   []byte // replies not yet written

	extended bool  // the client said EHLO
	response bool  // the next line is an answer to an AUTH challenge
	transfer bool  // between two chunks of a message
	total    int64 // bytes of its chunks
	spoiled  bool  // a transfer was given up, see nextChunk
	closing  bool  // close when the replies are written
	handed   bool  // the link has gone to another conn
	errors   int
	pace     pace
	err      error
}

func newConn(l *link, t *tls.Conn) *conn {
	c := &conn{link: l, rw: l.raw, tls: t, buf: make([]byte, maxLine)}
	if t != nil {
		c.rw = t
		c.shake = true
	}
	return c
}

// Read implements net.Conn for go-smtp.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.fed) == 0 && c.chunk == 0 {
		if err := c.nextCommand(); err != nil {
			return 0, err
		}
	}
	if len(c.fed) > 0 {
		n := copy(p, c.fed)
		c.fed = c.fed[n:]
		return n, nil
	}
	return c.readChunk(p)
}

// nextCommand reads a command line and feeds it to go-smtp, or answers it.
func (c *conn) nextCommand() error {
	line, err := c.readLine()
	if err != nil {
		return err
	}
	if c.response {
		c.response = false
		if !clean(bytes.TrimRight(line, "\r\n")) {
			return c.bye(replyCharacters)
		}
		c.fed = line
		return nil
	}
	v := screen(line)
	if v.kind != chunk && c.transfer {
		c.transfer, c.spoiled = false, true
	}
	switch v.kind {
	case refuse:
		return c.answer(v.reply)
	case hangUp:
		return c.bye(v.reply)
	case startTLS:
		if c.tls == nil && c.link.ln.certs != nil {
			return c.startTLS()
		}
	case chunk:
		if err := c.nextChunk(v); err != nil {
			return err
		}
	case hello:
		c.extended = true
	}
	c.fed = line
	return nil
}

// nextChunk prepares for the bytes of a BDAT.
//
// go-smtp takes a transfer in with a goroutine that it does not wait for when
// the transfer is given up, by RSET or for its size: a late one would put its
// outcome in the place of the next transfer's. So there is no next one on the
// same connection.
func (c *conn) nextChunk(v verdict) error {
	o := &c.link.ln.opts
	if !c.transfer {
		c.pace, c.total = pace{}, 0
	}
	c.total += v.size
	switch {
	case c.spoiled:
		return c.bye(replyGivenUp)
	case c.total > c.link.ln.hardLimit():
		return c.bye(replyTooLarge)
	case c.transfer && c.total > o.MaxMessageSize:
		c.spoiled = true
	}
	c.chunk = v.size
	c.transfer = !v.last && !c.spoiled
	return nil
}

// readLine waits for a command line and gives it, its line end included. It
// stays valid until the next read.
func (c *conn) readLine() ([]byte, error) {
	deadline := time.Now().Add(c.link.ln.opts.IdleTimeout)
	if c.transfer {
		deadline = time.Now().Add(c.pace.allowance(c.link.ln.opts.IdleTimeout))
	}
	searched := 0
	for {
		switch {
		case c.err != nil:
			return nil, c.err
		case c.closing:
			return nil, c.end()
		case c.errors > maxErrors:
			return nil, c.bye(replyErrors)
		case !c.transfer && c.link.ln.srv.draining():
			return nil, c.bye(replyDown)
		}
		if n := bytes.IndexByte(c.buf[c.r+searched:c.w], '\n'); n >= 0 {
			n += searched + 1
			line := c.buf[c.r : c.r+n]
			c.r += n
			if n > maxLine {
				return nil, c.bye(replyLongLine)
			}
			return line, nil
		}
		searched = c.w - c.r
		if searched >= maxLine {
			return nil, c.bye(replyLongLine)
		}
		c.shrink()
		if err := c.waitLine(deadline); err != nil {
			return nil, err
		}
	}
}

// waitLine reads once from the network, for a command.
func (c *conn) waitLine(deadline time.Time) error {
	if err := c.flush(); err != nil {
		return err
	}
	if c.transfer {
		return c.fill(time.Until(deadline))
	}
	if !c.link.beginWait(time.Until(deadline)) {
		return nil // the caller finds the server draining
	}
	err := c.readSome()
	c.link.endWait()
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		if c.link.ln.srv.draining() {
			return c.bye(replyDown)
		}
		return c.bye(replyIdle)
	}
	return c.check(err)
}

// readChunk reads bytes of a BDAT chunk. An end of file within it is an error,
// over TLS too.
func (c *conn) readChunk(p []byte) (int, error) {
	if int64(len(p)) > c.chunk {
		p = p[:c.chunk]
	}
	if c.r == c.w {
		if err := c.fill(c.pace.allowance(c.link.ln.opts.IdleTimeout)); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	c.chunk -= int64(n)
	if c.chunk == 0 {
		c.shrink()
	}
	return n, nil
}

// fill reads once from the network into a large buffer, for a body.
func (c *conn) fill(wait time.Duration) error {
	if c.err != nil {
		return c.err
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.grow()
	start := time.Now()
	c.link.raw.SetReadDeadline(start.Add(wait))
	before := c.w - c.r
	err := c.readSome()
	c.pace.waited += time.Since(start)
	c.pace.bytes += int64(c.w - c.r - before)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return c.bye(replySlow)
	}
	return c.check(err)
}

// readSome reads from the network to the end of the buffer, which has room.
func (c *conn) readSome() error {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	n, err := c.rw.Read(c.buf[c.w:])
	c.w += n
	if n > 0 && err == io.EOF {
		return nil // it comes again
	}
	return err
}

// check makes an error of the network final.
func (c *conn) check(err error) error {
	if err == nil {
		return nil
	}
	return c.end()
}

// Write implements net.Conn for go-smtp, which writes one reply line at a time.
func (c *conn) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.greet {
		c.greet = false
		return len(p), nil
	}
	c.count(p)
	c.out = append(c.out, p...)
	if len(c.out) >= maxReplies {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// count counts refusals. One recipient too many is none: the others stay.
func (c *conn) count(reply []byte) {
	if bytes.HasPrefix(reply, []byte(queuedPrefix)) {
		c.errors = 0
	}
	if len(reply) > 0 && (reply[0] == '4' || reply[0] == '5') && !bytes.HasPrefix(reply, []byte("452 4.5.3")) {
		c.errors++
	}
}

// answer says a reply in the place of go-smtp.
func (c *conn) answer(r *smtp.SMTPError) error {
	_, err := c.Write([]byte(line(r)))
	return err
}

// flush writes the replies that wait.
func (c *conn) flush() error {
	if c.err != nil {
		return c.err
	}
	if err := c.handshake(); err != nil {
		return c.check(err)
	}
	if len(c.out) == 0 {
		return nil
	}
	c.link.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.rw.Write(c.out)
	c.out = c.out[:0]
	return c.check(err)
}

// handshake does that of implicit TLS, before the first byte.
func (c *conn) handshake() error {
	if !c.shake {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.link.ln.srv.drain, handshakeTimeout)
	defer cancel()
	err := c.tls.HandshakeContext(ctx)
	if err != nil {
		c.link.ln.srv.log.Debug("TLS handshake failed", "listener", c.link.ln.opts.Name, "client", c.link.client.String(), "error", err)
		return err
	}
	c.shake = false
	return nil
}

// bye says a last reply and closes. What the client is still sending is read
// for a moment, so that the reply is not lost with it.
func (c *conn) bye(r *smtp.SMTPError) error {
	if c.err != nil {
		return c.err
	}
	c.out = append(c.out, line(r)...)
	if err := c.flush(); err != nil {
		return err
	}
	if r != replyDown {
		c.linger()
	}
	return c.end()
}

// linger closes the way to the client and reads what it still sends.
func (c *conn) linger() {
	if c.tls != nil {
		c.tls.CloseWrite()
	}
	half, ok := c.link.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.link.raw.SetReadDeadline(time.Now().Add(lingerTimeout))
	io.CopyN(io.Discard, c.link.raw, lingerBytes)
}

// end closes without a word, but for the replies that wait.
func (c *conn) end() error {
	if c.err == nil {
		c.flushLast()
		c.release()
		c.err = errBroken
		if !c.handed {
			if c.tls != nil {
				c.link.raw.SetWriteDeadline(time.Now().Add(lingerTimeout))
				c.tls.Close()
			}
			c.link.close()
		}
	}
	return c.err
}

// flushLast writes what it can, and minds no error.
func (c *conn) flushLast() {
	if len(c.out) > 0 && !c.handed && !c.shake {
		c.link.raw.SetWriteDeadline(time.Now().Add(lingerTimeout))
		c.rw.Write(c.out)
	}
	c.out = nil
}

// Close implements net.Conn for go-smtp.
func (c *conn) Close() error {
	c.end()
	return nil
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.link.raw.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.link.raw.RemoteAddr() }

// SetDeadline implements net.Conn. The conn sets its own deadlines.
func (c *conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn. The conn sets its own deadlines.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn. The conn sets its own deadlines.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
