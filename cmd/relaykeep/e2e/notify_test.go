package e2e

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// notifications is the socket on which systemd would hear of a daemon
// (sd_notify(3)), and what was said on it.
type notifications struct {
	path string
	conn *net.UnixConn

	mu      sync.Mutex
	changed *sync.Cond
	said    []string
	closed  bool
}

func newNotifications(t *testing.T) *notifications {
	t.Helper()
	n := &notifications{path: filepath.Join(shortDir(t), "notify")}
	n.changed = sync.NewCond(&n.mu)
	var err error
	n.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	go n.read()
	return n
}

func (n *notifications) read() {
	b := make([]byte, 4096)
	for {
		size, err := n.conn.Read(b)
		n.mu.Lock()
		if err != nil {
			n.closed = true
		} else {
			n.said = append(n.said, strings.Split(string(b[:size]), "\n")...)
		}
		n.changed.Broadcast()
		n.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// close is called when nobody is there any more to say something.
func (n *notifications) close() { n.conn.Close() }

// wait waits until a state was told; false means that it never will be, or that
// ctx has ended.
func (n *notifications) wait(ctx context.Context, state string) bool {
	stop := context.AfterFunc(ctx, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.changed.Broadcast()
	})
	defer stop()
	n.mu.Lock()
	defer n.mu.Unlock()
	for !slices.Contains(n.said, state) {
		if n.closed || ctx.Err() != nil {
			return false
		}
		n.changed.Wait()
	}
	return true
}
