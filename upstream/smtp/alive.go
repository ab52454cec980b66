package smtp

import (
	"net"
	"syscall"
)

// alive looks at a quiet socket without waiting.
type alive struct {
	rc    syscall.RawConn // nil: cannot tell
	look  func(fd uintptr) bool
	quiet bool
	one   [1]byte
}

func (a *alive) init(nc net.Conn) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return
	}
	a.rc = rc
	a.look = func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), a.one[:])
		a.quiet = err == syscall.EAGAIN
		return true
	}
}

// isQuiet reports whether the socket is open and nothing has come: a kept
// connection with something to read has been closed, or is being told so. It
// may take a byte off what came, so one that is not quiet must be closed.
func (a *alive) isQuiet() bool {
	if a.rc == nil {
		return true
	}
	a.quiet = false
	return a.rc.Read(a.look) == nil && a.quiet
}
