package ingress

import "sync"

// largeBuffer is the size of the buffer that a body is read through.
const largeBuffer = 32 << 10

// buffers are kept between bodies, so that idle connections hold none.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, largeBuffer)
}

func (b *buffers) put(p []byte) { b.pool.Put(&p) }

// grow gives the conn a large buffer.
func (c *conn) grow() {
	if c.large {
		return
	}
	large := c.link.ln.srv.buffers.get()
	c.w = copy(large, c.buf[c.r:c.w])
	c.r = 0
	c.small, c.buf, c.large = c.buf, large, true
}

// shrink gives the large buffer back once what is left in it fits a small one.
func (c *conn) shrink() {
	if !c.large || c.w-c.r >= maxLine || len(c.fed) > 0 {
		return
	}
	n := copy(c.small, c.buf[c.r:c.w])
	c.link.ln.srv.buffers.put(c.buf)
	c.buf, c.large, c.r, c.w = c.small, false, 0, n
}

// release gives the large buffer back at the end of the conn.
func (c *conn) release() {
	if c.large {
		c.link.ln.srv.buffers.put(c.buf)
	}
	c.buf, c.small, c.large, c.fed, c.r, c.w = nil, nil, false, nil, 0, 0
}
