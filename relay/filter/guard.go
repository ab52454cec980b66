package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// What a filter may say in one dialogue.
const (
	maxFrame   = 256 << 10 // bytes of a packet, but for those with a part of a new text
	maxSaid    = 1 << 20   // bytes in all, but for a new text
	maxChanges = 2000      // changes that it asks for
)

// The codes of packets that ask for a change of the message.
const (
	replaceBody = 'b'
	changes     = "+-2hmieq"
)

var (
	errEmptyFrame = errors.New("it sent a packet without a code")
	errSaid       = fmt.Errorf("it said more than %d bytes", maxSaid)
	errChanges    = fmt.Errorf("it asked for more than %d changes", maxChanges)
)

// guard is the connection as the library sees it, which would read packets of
// any size and number. The packets that bring a new text are taken out on the
// way: they would be held in memory.
type guard struct {
	net.Conn

	text    *text // the new text, nil: none may come yet
	renewed bool  // one came

	head    [5]byte // length and code of a packet
	pending []byte  // of head, to be read
	rest    int64   // of the packet, on the wire
	said    int64
	changes int
}

// Read implements net.Conn.
func (g *guard) Read(p []byte) (int, error) {
	for len(g.pending) == 0 && g.rest == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	if len(g.pending) > 0 {
		n := copy(p, g.pending)
		g.pending = g.pending[n:]
		return n, nil
	}
	n, err := g.Conn.Read(p[:min(int64(len(p)), g.rest)])
	g.rest -= int64(n)
	return n, err
}

// next begins a packet.
func (g *guard) next() error {
	if _, err := io.ReadFull(g.Conn, g.head[:4]); err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint32(g.head[:4]))
	if size == 0 {
		return errEmptyFrame
	}
	if _, err := io.ReadFull(g.Conn, g.head[4:]); err != nil {
		return unexpected(err)
	}
	code := g.head[4]
	if code == replaceBody && g.text != nil {
		g.renewed = true
		_, err := io.CopyN(g.text, g.Conn, size-1)
		return unexpected(err)
	}
	if size > maxFrame {
		return fmt.Errorf("it sent a packet of %d bytes; %d are the most", size, maxFrame)
	}
	for _, c := range []byte(changes) {
		if code == c {
			g.changes++
		}
	}
	g.said += size
	switch {
	case g.said > maxSaid:
		return errSaid
	case g.changes > maxChanges:
		return errChanges
	}
	g.pending, g.rest = g.head[:], size-1
	return nil
}

// unexpected: a packet does not end well in its middle.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// SetDeadline and the like do nothing: the dialogue as a whole has a deadline,
// which the library would lift.
func (g *guard) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (g *guard) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (g *guard) SetWriteDeadline(time.Time) error { return nil }
