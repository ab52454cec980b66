package ingress

import (
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

func newTLSConn() *tls.Conn { return tls.Server(nil, &tls.Config{}) }

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "smtp.sock")
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		withTLS(t)(o, d, r)
		o.TLS.Required = true
		o.Allow = prefixes("192.0.2.0/24")
		o.Addresses = []string{"unix:" + path}
	})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if _, err := bindUnix(path); err == nil || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("got %v", err)
	}
	d := w.greeted()
	d.send("A: b\r\n\r\nx\r\n", queuedPrefix)
	if m := w.one(); m.m.Client != "unix" || !strings.Contains(m.body, "(local socket)") {
		t.Errorf("got %+v", m.m)
	}
	if err := w.srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestStaleSocket(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	again, err := bindUnix(stale)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	file := filepath.Join(dir, "file")
	writeFile(t, file, "precious")
	if _, err := bindUnix(file); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Error("the file was touched")
	}
}

func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	for address, want := range map[string]string{
		taken.Addr().String(): "address already in use",
		"systemd:none":        `systemd passed no socket named "none"`,
		"unix:/proc/x/y":      "cannot listen on unix:/proc/x/y",
		"127.0.0.1:x":         "cannot listen on 127.0.0.1:x",
	} {
		o := testOptions()
		o.Addresses = []string{free.Addr().String(), address}
		srv, err := New([]Options{o}, Deps{})
		if err != nil {
			t.Fatal(err)
		}
		err = srv.Listen()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `listener "test"`) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
		l, err := net.Listen("tcp", free.Addr().String())
		if err != nil {
			t.Fatalf("%s: the other address stayed bound: %v", address, err)
		}
		l.Close()
	}
}

func TestInherited(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, func(o *Options, d *Deps, _ *recorder) {
		o.Addresses = []string{"systemd:smtp"}
		d.Inherited = map[string][]net.Listener{"smtp": {l}}
	})
	w.greeted().send("A: b\r\n\r\nx\r\n", queuedPrefix)
}

func TestNewErrors(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.TLS = &TLSOptions{CertFile: "/none/cert.pem", KeyFile: "/none/key.pem"} },
		func(o *Options) { o.Auth = &AuthOptions{UsersFile: "/none/users"} },
	} {
		o := testOptions()
		change(&o)
		if _, err := New([]Options{o}, Deps{}); err == nil || !strings.Contains(err.Error(), `listener "test"`) || !strings.Contains(err.Error(), "/none/") {
			t.Errorf("got %v", err)
		}
	}
}

func TestClient(t *testing.T) {
	tests := []struct{ addr, key, name string }{
		{"192.0.2.1", "192.0.2.1/32", "192.0.2.1"},
		{"2001:db8::1:2:3:4", "2001:db8::/64", "2001:db8::1:2:3:4"},
	}
	for _, tt := range tests {
		c := client{netip.MustParseAddr(tt.addr)}
		if c.key().String() != tt.key || c.String() != tt.name || c.local() {
			t.Errorf("%s: got %v, %v", tt.addr, c.key(), c)
		}
	}
	for _, tt := range []struct {
		addr string
		list []netip.Prefix
		want bool
	}{
		{"127.0.0.1", nil, true},
		{"::1", nil, true},
		{"192.0.2.1", nil, false},
		{"192.0.2.1", prefixes("192.0.2.0/24"), true},
		{"127.0.0.1", prefixes("192.0.2.0/24"), false},
		{"", prefixes("192.0.2.0/24"), true},
	} {
		c := client{}
		if tt.addr != "" {
			c.addr = netip.MustParseAddr(tt.addr)
		}
		if got := c.allowed(tt.list); got != tt.want {
			t.Errorf("%q in %v: got %v", tt.addr, tt.list, got)
		}
	}
}

func TestAllowance(t *testing.T) {
	idle := 5 * time.Minute
	for _, tt := range []struct {
		p    pace
		want time.Duration
	}{
		{pace{}, slowGrace},
		{pace{waited: slowGrace - time.Second}, time.Second},
		{pace{waited: slowGrace + time.Minute}, 0},
		{pace{waited: slowGrace + time.Minute, bytes: 90 * slowRate}, 30 * time.Second},
		{pace{bytes: 1 << 30}, idle},
	} {
		if got := tt.p.allowance(idle); got != tt.want {
			t.Errorf("%+v: got %v, want %v", tt.p, got, tt.want)
		}
	}
}

// A changed pair is used; one that is broken is not.
func TestCertificatesReadAgain(t *testing.T) {
	dir := t.TempDir()
	o := TLSOptions{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	writePair(t, o, "one.example")
	c, err := loadCertificates(o, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	want := func(name string) {
		t.Helper()
		now = now.Add(time.Hour)
		if err := os.Chtimes(o.KeyFile, now, now); err != nil {
			t.Fatal(err)
		}
		if got := c.current(now).Leaf.Subject.CommonName; got != name {
			t.Errorf("got %s, want %s", got, name)
		}
	}
	want("one.example")
	writePair(t, o, "two.example")
	want("two.example")
	writeFile(t, o.KeyFile, "broken")
	want("two.example")
	writePair(t, o, "three.example")
	if got := c.current(now).Leaf.Subject.CommonName; got != "two.example" {
		t.Errorf("the files were looked at again at once: %s", got)
	}
	want("three.example")
}

// Without a file descriptor for it, a client is told to come again.
func TestOutOfFileDescriptors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var r reserve
	r.hold()
	defer r.close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !outOfFiles(&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}) {
		t.Error("EMFILE is not known")
	}
	if !r.refuse(l) {
		t.Fatal("nobody was told")
	}
	newDialogue(t, c).want("421 4.3.2")
	if r.f == nil {
		t.Error("the reserve was not taken again")
	}
}
