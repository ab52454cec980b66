package admin

import (
	"fmt"
	"net"
	"net/http"

	"golang.org/x/sys/unix"
)

// Peer is the process at the other end of a connection to the socket, as it
// was when it connected (SO_PEERCRED, unix(7)).
type Peer struct {
	PID      int32
	UID, GID uint32
}

// PeerOf gives the caller of a request that a Server handles; ok is false
// where the kernel did not tell.
func PeerOf(r *http.Request) (p Peer, ok bool) {
	n, err := fmt.Sscanf(r.RemoteAddr, peerFormat, &p.UID, &p.GID, &p.PID)
	if err != nil || n != 3 {
		return Peer{}, false
	}
	return p, true
}

// peerFormat is the address of a peer. A unix socket's client has none of its
// own, so that the place where a handler looks for it is free for who it is.
const peerFormat = "uid=%d gid=%d pid=%d"

type peerAddr struct{ peer Peer }

func (a peerAddr) Network() string { return "unix" }
func (a peerAddr) String() string {
	return fmt.Sprintf(peerFormat, a.peer.UID, a.peer.GID, a.peer.PID)
}

// peerListener gives connections whose remote address tells who it is.
type peerListener struct{ net.Listener }

func (l peerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if u, ok := c.(*net.UnixConn); ok {
		if peer, err := credentials(u); err == nil {
			return peerConn{u, peerAddr{peer}}, nil
		}
	}
	return c, nil
}

type peerConn struct {
	*net.UnixConn
	addr peerAddr
}

func (c peerConn) RemoteAddr() net.Addr { return c.addr }

func credentials(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Ucred
	var sockErr error
	if err := raw.Control(func(fd uintptr) {
		cred, sockErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Peer{}, err
	}
	if sockErr != nil {
		return Peer{}, sockErr
	}
	return Peer{PID: cred.Pid, UID: cred.Uid, GID: cred.Gid}, nil
}
