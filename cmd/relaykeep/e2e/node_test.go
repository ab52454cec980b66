package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// node is a relaykeep installed in a folder of its own: what is left when its
// process ends.
type node struct {
	t      *testing.T
	dir    string
	config string // path of the configuration
	spool  string // path of the spool file
	socket string // path of the admin socket
}

// settings are parts of a configuration in HCL.
type settings struct {
	address  string // of the listener "local"; "": a free port on loopback
	listener string // more for that listener
	spool    string // more for the spool
	rest     string // more blocks
}

// newNode makes the folder. The spool is verified when the test has ended.
func newNode(t *testing.T, s settings, upstreams ...string) *node {
	t.Helper()
	n := newNodeIn(t, shortDir(t), s, upstreams...)
	t.Cleanup(func() {
		if _, err := os.Stat(n.spool); err == nil {
			n.inspect(func(*bolt.Store) {})
		}
	})
	return n
}

// newNodeIn leaves the spool, which is in the folder spoolDir, unverified.
func newNodeIn(t *testing.T, spoolDir string, s settings, upstreams ...string) *node {
	t.Helper()
	dir := shortDir(t)
	n := &node{
		t: t, dir: dir,
		config: filepath.Join(dir, "config.hcl"),
		spool:  filepath.Join(spoolDir, "spool.db"),
		socket: filepath.Join(dir, "admin.sock"),
	}
	n.configure(s, upstreams...)
	return n
}

// configure writes the configuration.
func (n *node) configure(s settings, upstreams ...string) {
	n.t.Helper()
	if s.address == "" {
		s.address = "127.0.0.1:0"
	}
	text := fmt.Sprintf(`
hostname = "relay.test"
listener "local" {
  address = %q
  %s
}
spool {
  path          = %q
  min_free_disk = "1MiB"
  %s
}
admin { socket = %q }
log { addresses = "full" }
retry "default" {
  initial = "1s"
  max     = "2s"
}
%s
%s
`, s.address, s.listener, n.spool, s.spool, n.socket, s.rest, strings.Join(upstreams, "\n"))
	n.write("config.hcl", text)
}

// write puts a file into the folder.
func (n *node) write(name, text string) (path string) {
	n.t.Helper()
	path = filepath.Join(n.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// inspect opens the spool of a node whose process has ended, lets f look, and
// verifies it.
func (n *node) inspect(f func(*bolt.Store)) {
	n.t.Helper()
	store, err := bolt.Open(bolt.Options{Path: n.spool, ReadOnly: true})
	if err != nil {
		n.t.Errorf("the spool cannot be opened again: %v", err)
		return
	}
	defer store.Close()
	if err := store.Verify(context.Background()); err != nil {
		n.t.Errorf("the spool is not sound: %v", err)
	}
	f(store)
}

// entries reads every message in the spool of a node whose process has ended,
// the finished ones too.
func (n *node) entries() []spool.Entry {
	n.t.Helper()
	var all []spool.Entry
	n.inspect(func(store *bolt.Store) { all = everything(n.t, store) })
	return all
}

func everything(t *testing.T, store *bolt.Store) []spool.Entry {
	t.Helper()
	var all []spool.Entry
	err := store.List(context.Background(), spool.Filter{AnyState: true}, func(e spool.Entry) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Errorf("the spool cannot be read: %v", err)
	}
	return all
}

// upstreamBlock is one in clear at address.
func upstreamBlock(name, address, more string) string {
	return fmt.Sprintf("upstream %q {\n  address = %q\n  tls = \"none\"\n  %s\n}\n", name, address, more)
}

// shortDir makes a folder whose name is short enough for a unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
