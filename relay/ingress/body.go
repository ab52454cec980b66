package ingress

import (
	"bytes"
	"errors"
	"io"
)

// endOfData is what go-smtp's own reader of DATA is given when the body has
// been read past it.
const endOfData = ".\r\n"

// errTooLarge: the body is over the listener's limit.
var errTooLarge = errors.New("message too large")

// body reads what follows DATA, from the conn and not through go-smtp, whose
// reader goes byte by byte. Dots at the beginning of a line are taken off, and
// only CRLF.CRLF ends it: other line ends are text.
type body struct {
	c     *conn
	limit int64 // of bytes given; one more is errTooLarge
	n     int64
	cr    bool // the last byte given is a CR
	bol   bool // at the beginning of a line
	ended bool
}

// openBody begins the body of DATA.
func (c *conn) openBody(limit int64) *body {
	c.pace = pace{}
	return &body{c: c, limit: limit, bol: true}
}

// Read implements io.Reader. An error of the network is final for the conn.
func (b *body) Read(p []byte) (int, error) {
	if b.n > b.limit {
		return 0, errTooLarge
	}
	if b.limit-b.n < int64(len(p)) {
		p = p[:b.limit-b.n+1]
	}
	n, err := b.read(p)
	b.n += int64(n)
	if b.n > b.limit {
		return 0, errTooLarge
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for !b.ended {
		data := b.c.buf[b.c.r:b.c.w]
		if b.bol {
			if len(data) < len(endOfData) && endOfData[:len(data)] == string(data) {
				if err := b.fill(); err != nil {
					return 0, err
				}
				continue
			}
			if bytes.HasPrefix(data, []byte(endOfData)) {
				b.c.r += len(endOfData)
				b.c.fed = []byte(endOfData)
				b.ended = true
				break
			}
			b.bol = false
			if data[0] == '.' {
				b.c.r++
				continue
			}
		}
		if len(data) == 0 {
			if err := b.fill(); err != nil {
				return 0, err
			}
			continue
		}
		return b.give(p, data), nil
	}
	return 0, io.EOF
}

// give copies data up to the next dot that a line begins with.
func (b *body) give(p, data []byte) int {
	if b.cr && data[0] == '\n' {
		data = data[:1]
	} else if dot := bytes.Index(data, []byte("\r\n.")); dot >= 0 {
		data = data[:dot+2]
	}
	n := copy(p, data)
	b.c.r += n
	before := b.cr
	if n > 1 {
		before = data[n-2] == '\r'
	}
	b.bol = before && data[n-1] == '\n'
	b.cr = data[n-1] == '\r'
	return n
}

func (b *body) fill() error {
	return b.c.fill(b.c.pace.allowance(b.c.link.ln.opts.IdleTimeout))
}

// drain reads on to the end of a body that is refused. One that goes on past
// the hard limit is not waited for: the connection closes.
func (b *body) drain(hard int64) error {
	scratch := b.c.link.ln.srv.buffers.get()
	defer b.c.link.ln.srv.buffers.put(scratch)
	for {
		n, err := b.read(scratch)
		b.n += int64(n)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case b.n > hard:
			return b.c.bye(replyTooLarge)
		}
	}
}
