package admin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// ask makes one request by hand, as any client might.
func ask(t *testing.T, socket, method, target string) (status int, header http.Header, body string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, method+" "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func TestAnswers(t *testing.T) {
	store, ids := filled(t)
	socket := startServer(t, store)
	id := string(ids[1])
	for _, tt := range []struct {
		method, target string
		status         int
		kind, body     string // what the body begins with
	}{
		{"GET", "/v1/version", 200, "application/json", `{"version":"1.2.3","go":"go"}`},
		{"GET", "/v1/stats", 200, "application/json", `{"messages":3,`},
		{"GET", "/v1/messages?limit=1", 200, "application/x-ndjson", `{"id":"` + id},
		{"HEAD", "/v1/messages", 200, "application/x-ndjson", ``},
		{"GET", "/v1/messages?from=nobody", 200, "application/x-ndjson", ``},
		{"GET", "/v1/messages/" + id, 200, "application/json", `{"id":"` + id},
		{"GET", "/v1/messages/" + strings.ToLower(id), 200, "application/json", `{"id":"` + id},
		{"GET", "/v1/messages/" + id + "/raw", 200, "message/rfc822", "one\r\n"},
		{"HEAD", "/v1/messages/" + id + "/raw", 200, "message/rfc822", ""},

		{"GET", "/v1/messages/" + string(ids[0]) + "/raw", 410, "application/json", `{"error":"message ` + string(ids[0]) + `: its body is not kept any more"}`},
		{"GET", "/v1/messages/01JX3Z5K8Q6W7RT2V9B4M0NCDE", 404, "application/json", `{"error":"no such message: `},
		{"GET", "/v1/messages/01JX3Z5K8Q6W7RT2V9B4M0NCDE/raw", 404, "application/json", `{"error":"no such message: `},
		{"GET", "/v1/messages/nonsense", 400, "application/json", `{"error":"\"nonsense\" is no message id`},
		{"GET", "/v1/messages/nonsense/raw", 400, "application/json", `{"error":"\"nonsense\" is no message id`},
		{"GET", "/v1/messages/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 400, "application/json", `{"error":"\"../../etc/passwd\" is no message id`},
		{"GET", "/v1/messages/%00", 400, "application/json", `{"error":"\"\\x00\" is no message id`},
		{"GET", "/v1/messages?state=lost", 400, "application/json", `{"error":"state \"lost\" is no state`},
		{"GET", "/v1/messages?colour=red", 400, "application/json", `{"error":"filter \"colour\" is unknown`},
		{"GET", "/", 404, "application/json", `{"error":"there is nothing here`},
		{"GET", "/v1/message", 404, "application/json", `{"error":"there is nothing here`},
		{"GET", "/etc/passwd", 404, "application/json", `{"error":"there is nothing here`},
		{"DELETE", "/v1/messages/" + id, 405, "application/json", `{"error":"wrong method`},
		{"POST", "/v1/stats", 405, "application/json", `{"error":"wrong method`},
	} {
		status, header, body := ask(t, socket, tt.method, tt.target)
		if status != tt.status || header.Get("Content-Type") != tt.kind || !strings.HasPrefix(body, tt.body) || tt.body == "" && body != "" {
			t.Errorf("%s %s: %d %s %s", tt.method, tt.target, status, header.Get("Content-Type"), body)
		}
		if tt.status == 405 && header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: allowed is %q", tt.method, tt.target, header.Get("Allow"))
		}
	}
}

// failing is a store that fails after so many messages.
type failing struct {
	*spooltest.Memory
	after int
	err   error
}

func (f *failing) List(ctx context.Context, _ spool.Filter, fn func(spool.Entry) error) error {
	for range f.after {
		if err := fn(sample()); err != nil {
			return err
		}
	}
	return f.err
}

func (f *failing) Stats(context.Context) (spool.Stats, error) { return spool.Stats{}, f.err }

func TestListFails(t *testing.T) {
	for _, tt := range []struct {
		after  int
		err    error
		status int
		body   string
	}{
		{0, errors.New("disk gone"), 500, `{"error":"disk gone"}` + "\n"},
		{0, spool.ErrClosed, 503, `{"error":"the spool is closed"}` + "\n"},
		{1, errors.New("disk gone"), 200, "\n" + `{"error":"disk gone"}` + "\n"},
	} {
		socket := startServer(t, &failing{spooltest.NewMemory(), tt.after, tt.err})
		status, _, body := ask(t, socket, "GET", "/v1/messages")
		if status != tt.status || !strings.HasSuffix(body, tt.body) {
			t.Errorf("after %d: %d %s", tt.after, status, body)
		}
		c := NewClient(socket)
		n := 0
		err := c.List(t.Context(), spool.Filter{}, func(Message) error { n++; return nil })
		if err == nil || err.Error() != tt.err.Error() || n != tt.after {
			t.Errorf("after %d messages the client gives %v, want %d and %v", n, err, tt.after, tt.err)
		}
		if _, err := c.Stats(t.Context()); err == nil || err.Error() != tt.err.Error() {
			t.Errorf("stats: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// slow is a store whose list waits after its first message.
type slow struct {
	*spooltest.Memory
	reached chan struct{}
}

func (s *slow) List(ctx context.Context, _ spool.Filter, fn func(spool.Entry) error) error {
	if err := fn(sample()); err != nil {
		return err
	}
	close(s.reached)
	<-ctx.Done()
	return ctx.Err()
}

// What is found is sent before the rest is looked for, and a server that stops
// breaks off who will not end.
func TestStopBreaksOff(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	store := &slow{spooltest.NewMemory(), make(chan struct{})}
	srv, err := New(Options{Socket: socket, Mode: 0o600, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	c := NewClient(socket)
	defer c.Close()
	first, ended := make(chan relay.ID, 1), make(chan error, 1)
	go func() {
		ended <- c.List(context.Background(), spool.Filter{}, func(m Message) error { first <- m.ID; return nil })
	}()
	if got := <-first; got != sample().Message.ID {
		t.Errorf("got %s", got)
	}
	<-store.reached
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stop: %v", err)
	}
	if err := <-ended; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client sees %v", err)
	}
	if err := srv.Stop(context.Background()); err != nil {
		t.Errorf("second stop: %v", err)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket stays: %v", err)
	}
}

func TestStopWithoutStart(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	srv, err := New(Options{Socket: socket, Mode: 0o600, Store: spooltest.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv.Start() // does nothing
	if _, err := NewClient(socket).Version(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A listener that breaks is told.
func TestFails(t *testing.T) {
	srv, err := New(Options{Socket: filepath.Join(t.TempDir(), "s"), Mode: 0o600, Store: spooltest.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.listener.Close(); err != nil {
		t.Fatal(err)
	}
	srv.Start()
	<-srv.Failed()
	if !errors.Is(srv.Err(), net.ErrClosed) {
		t.Error(srv.Err())
	}
	if err := srv.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPeer(t *testing.T) {
	l, err := listen(filepath.Join(t.TempDir(), "s"), "", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	peers := make(chan Peer, 1)
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if p, ok := PeerOf(r); ok {
			peers <- p
		}
		close(peers)
	}), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(peerListener{l}) }()
	ask(t, l.Addr().String(), "GET", "/")
	if got, want := <-peers, (Peer{int32(os.Getpid()), uint32(os.Getuid()), uint32(os.Getgid())}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	srv.Close()
	<-done
	if _, ok := PeerOf(&http.Request{RemoteAddr: "127.0.0.1:25"}); ok {
		t.Error("an address of TCP is no peer")
	}
}

func TestClientRefused(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	if _, err := NewClient(socket).Stats(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a socket: %v", err)
	}
	stale(t, socket)
	if _, err := NewClient(socket).Stats(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("at a stale socket: %v", err)
	}
}

// stale leaves a socket on which nobody answers.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
