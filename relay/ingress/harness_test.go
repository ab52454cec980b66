package ingress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relaykeep/relay"
	"relaykeep/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// taken is a message that a recorder accepted.
type taken struct {
	m    relay.Message
	to   []relay.Recipient
	body string

	events []relay.Event
}

// recorder is the smallest Spool: it keeps messages whose body ended well.
type recorder struct {
	err   error                           // given instead of accepting
	enter func(ctx context.Context)       // called before the body is read
	allow func(ctx context.Context) error // called after it was
	read  func(io.Reader) (string, error) // nil: to its end

	mu   sync.Mutex
	mail []taken
}

func (r *recorder) Accept(ctx context.Context, in *spool.Incoming) error {
	if r.enter != nil {
		r.enter(ctx)
	}
	read := r.read
	if read == nil {
		read = func(b io.Reader) (string, error) {
			all, err := io.ReadAll(b)
			return string(all), err
		}
	}
	text, err := read(in.Body)
	if err != nil {
		return fmt.Errorf("recorder: %w", err)
	}
	if r.err != nil {
		return r.err
	}
	if r.allow != nil {
		if err := r.allow(ctx); err != nil {
			return err
		}
	}
	in.Message.Size = int64(len(text))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mail = append(r.mail, taken{*in.Message, in.Recipients, text, in.Events})
	return nil
}

// stuck is a spool that never gets to a commit.
func stuck(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (r *recorder) all() []taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]taken(nil), r.mail...)
}

// router routes all but *@nowhere.example; header.example needs a field.
type router struct{}

func (router) Possible(q relay.RouteQuery) bool {
	return !strings.HasSuffix(q.Recipient, "@nowhere.example")
}

func (router) Route(q relay.RouteQuery, now time.Time) (relay.Assignment, bool) {
	a := relay.Assignment{Route: "default", Upstreams: []string{"up"}, ExpiresAt: now.Add(time.Hour)}
	return a, !strings.HasSuffix(q.Recipient, "@header.example") || len(q.Header("X-Class")) > 0
}

// sink keeps events.
type sink struct {
	mu     sync.Mutex
	events []relay.Event
}

func (s *sink) Emit(e relay.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func (s *sink) of(kind relay.EventKind) []relay.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []relay.Event
	for _, e := range s.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// world is a running Server with one listener.
type world struct {
	t     testing.TB
	srv   *Server
	spool *recorder
	sink  *sink
}

func testOptions() Options {
	return Options{Name: "test", Hostname: "relay.example", Addresses: []string{"127.0.0.1:0"}}
}

// start runs a server until the end of the test.
func start(t testing.TB, change func(*Options, *Deps, *recorder)) *world {
	t.Helper()
	w := &world{t: t, spool: &recorder{}, sink: &sink{}}
	var mu sync.Mutex
	n := 0
	deps := Deps{Spool: w.spool, Router: router{}, Sink: w.sink, NewID: func() relay.ID {
		mu.Lock()
		defer mu.Unlock()
		n++
		return relay.ID(fmt.Sprintf("ID%024d", n))
	}}
	o := testOptions()
	if change != nil {
		change(&o, &deps, w.spool)
	}
	srv, err := New([]Options{o}, deps)
	if err != nil {
		t.Fatal(err)
	}
	w.srv = srv
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		srv.Shutdown(ctx)
	})
	return w
}

// dial opens a connection to the first address.
func (w *world) dial() *dialogue {
	w.t.Helper()
	return w.at("test")
}

// at opens a connection to the first address of a listener.
func (w *world) at(listener string) *dialogue {
	w.t.Helper()
	a := w.srv.Addrs(listener)[0]
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		w.t.Fatal(err)
	}
	d := &dialogue{t: w.t, Conn: c, r: bufio.NewReader(c)}
	w.t.Cleanup(func() { c.Close() })
	return d
}

// greeted opens a connection and says EHLO.
func (w *world) greeted() *dialogue {
	w.t.Helper()
	d := w.dial()
	d.want("220 relay.example")
	d.ask("EHLO client.example", "250 ")
	return d
}

// dialogue speaks SMTP by hand.
type dialogue struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// say sends text as it is.
func (d *dialogue) say(text string) {
	d.t.Helper()
	if _, err := io.WriteString(d.Conn, text); err != nil {
		d.t.Fatalf("say %.60q: %v", text, err)
	}
}

// want reads a whole reply, which must begin like this, and gives it.
func (d *dialogue) want(prefix string) string {
	d.t.Helper()
	var all strings.Builder
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			d.t.Fatalf("want %q, got %q and %v", prefix, all.String()+line, err)
		}
		all.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			if !strings.HasPrefix(line, prefix) {
				d.t.Fatalf("want %q, got %q", prefix, all.String())
			}
			return all.String()
		}
	}
}

// ask sends a line and wants a reply.
func (d *dialogue) ask(line, prefix string) string {
	d.t.Helper()
	d.say(line + "\r\n")
	return d.want(prefix)
}

// end wants the server to close the connection, and gives what came before.
func (d *dialogue) end() string {
	d.t.Helper()
	rest, err := io.ReadAll(d.r)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		d.t.Fatalf("want the end of the connection, got %q and %v", rest, err)
	}
	return string(rest)
}

// envelope gives MAIL and one RCPT.
func (d *dialogue) envelope() {
	d.t.Helper()
	d.ask("MAIL FROM:<a@from.example>", "250 ")
	d.ask("RCPT TO:<b@to.example>", "250 ")
}

// chunk sends one BDAT chunk and wants a reply to it.
func (d *dialogue) chunk(data, last, prefix string) string {
	d.t.Helper()
	d.say(fmt.Sprintf("BDAT %d%s\r\n%s", len(data), last, data))
	return d.want(prefix)
}

// send sends one message, dot-stuffed already and without the final dot, and
// wants a reply to it.
func (d *dialogue) send(text, prefix string) string {
	d.t.Helper()
	d.envelope()
	d.ask("DATA", "354 ")
	d.say(text)
	return d.ask(".", prefix)
}

// content is what was sent of a message that was taken: without what was put on
// top of it.
func content(t testing.TB, m taken) string {
	t.Helper()
	rest, ok := strings.CutPrefix(m.body, "Received: ")
	if !ok {
		t.Fatalf("no Received on top of %.60q", m.body)
	}
	for {
		_, after, _ := strings.Cut(rest, "\r\n")
		if rest = after; !strings.HasPrefix(rest, "\t") {
			break
		}
	}
	for _, name := range []string{"Date", "Message-ID", "From"} {
		if strings.Contains(m.m.Repaired, name+" added") {
			line, after, _ := strings.Cut(rest, "\r\n")
			if !strings.HasPrefix(line, name+": ") {
				t.Fatalf("%s was not added on top of %.60q", name, rest)
			}
			rest = after
		}
	}
	return rest
}

// one gives the only message that was taken.
func (w *world) one() taken {
	w.t.Helper()
	all := w.spool.all()
	if len(all) != 1 {
		w.t.Fatalf("%d messages were taken, want 1", len(all))
	}
	return all[0]
}

// none wants no message to have been taken.
func (w *world) none() {
	w.t.Helper()
	if all := w.spool.all(); len(all) != 0 {
		w.t.Fatalf("a message was taken: %.200q", all[0].body)
	}
}
