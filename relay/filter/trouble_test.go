package filter

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	milter "github.com/d--j/go-milter"
	"github.com/hashicorp/go-hclog"
)

var stages = []string{"connect", "helo", "mail", "rcpt", "data", "field", "header", "body", "end"}

// TestBrokenConnection: at every stage, with both ways to go on.
func TestBrokenConnection(t *testing.T) {
	for _, stage := range stages {
		for _, pass := range []bool{false, true} {
			s := &script{at: map[string]func(milter.Modifier) (*milter.Response, error){
				stage: func(milter.Modifier) (*milter.Response, error) { return nil, errors.New("of this test") },
			}}
			o := serve(t, s)
			o.PassOnError = pass
			checkTrouble(t, stage, o, nil, "it closed the connection before it had answered")
		}
	}
}

// checkTrouble wants a filter to be in trouble for this reason, and mail to be
// as it was.
func checkTrouble(t *testing.T, name string, o Options, dial func(context.Context, string, string) (net.Conn, error), reason string) {
	t.Helper()
	var log bytes.Buffer
	f := New(o, hclog.New(&hclog.LoggerOptions{Output: &log}))
	if dial != nil {
		f.dial = dial
	}
	m := newMail(t, sample)
	out, err := Chain{f}.Run(context.Background(), m)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	switch {
	case o.PassOnError && (out.Action != Pass || len(out.Notes) != 1 || !strings.HasPrefix(out.Notes[0].Text, "it passed unseen: "+reason)):
		t.Errorf("%s: outcome %+v", name, out)
	case !o.PassOnError && (out.Action != Refuse || out.Reply != replyTrouble() || out.Filter != o.Name):
		t.Errorf("%s: outcome %+v", name, out)
	}
	if !strings.Contains(log.String(), "reason=\""+reason) {
		t.Errorf("%s: logged %q", name, log.String())
	}
	if got := content(t, m); got != sample || m.From != "a@from.example" || len(m.To) != 2 {
		t.Errorf("%s: the message became %q", name, got)
	}
	m.Close()
}

// pipes is a listener without a network.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestTimeout: a filter that says nothing more at some stage, and one that is
// always just about to.
func TestTimeout(t *testing.T) {
	for _, stage := range stages {
		for _, busy := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				s := &script{at: map[string]func(milter.Modifier) (*milter.Response, error){
					stage: func(m milter.Modifier) (*milter.Response, error) {
						for busy && m.Progress() == nil {
							time.Sleep(time.Second)
						}
						<-over
						return nil, errors.New("too late")
					},
				}}
				p := newPipes()
				srv := milter.NewServer(milter.WithMilter(func() milter.Milter { return s }))
				var served sync.WaitGroup
				served.Go(func() { srv.Serve(p) })
				begin := time.Now()
				checkTrouble(t, stage, Options{Name: "test", Timeout: 10 * time.Second}, p.dial, "it took longer than 10s")
				if d := time.Since(begin); d != 10*time.Second {
					t.Errorf("%s: it took %v", stage, d)
				}
				close(over)
				srv.Shutdown(context.Background())
				served.Wait()
				synctest.Wait()
			})
		}
	}
}

// TestNoListener: nobody is there, or nobody that answers.
func TestNoListener(t *testing.T) {
	o := raw(t, func(net.Conn) {})
	checkTrouble(t, "closes at once", o, nil, "it closed the connection before it had answered")
	checkTrouble(t, "no socket", Options{Name: "test", Network: "unix", Address: t.TempDir() + "/none"}, nil,
		"it cannot be reached: connect: no such file or directory")
	synctest.Test(t, func(t *testing.T) {
		checkTrouble(t, "black hole", Options{Name: "test"}, newPipes().dial, "it took longer than 10s")
	})
}

// frame is a packet of the protocol.
func frame(code byte, data string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(data)+1))) + string(code) + data
}

// agreed answers the negotiation: version 6, all that is offered, and a reply
// to the end only.
func agreed() string {
	data := binary.BigEndian.AppendUint32(nil, 6)
	data = binary.BigEndian.AppendUint32(data, uint32(offered))
	return frame('O', string(binary.BigEndian.AppendUint32(data, uint32(milter.OptNoReplies))))
}

// saying makes a peer that reads all and says this.
func saying(text string) func(net.Conn) {
	return func(c net.Conn) {
		var read sync.WaitGroup
		read.Go(func() { io.Copy(io.Discard, c) })
		io.WriteString(c, text)
		if half, ok := c.(*net.TCPConn); ok {
			half.CloseWrite()
		} else {
			c.Close()
		}
		read.Wait()
	}
}

func TestGarbage(t *testing.T) {
	tests := []struct{ name, said, reason string }{
		{"an empty packet", "\x00\x00\x00\x00", "negotiate: optneg read: " + errEmptyFrame.Error()},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "negotiate: optneg read: it sent a packet of 1213486160 bytes; 262144 are the most"},
		{"SMTP", "220 mx.example ESMTP\r\n", "negotiate: optneg read: it sent a packet of 842149920 bytes; 262144 are the most"},
		{"half a packet", agreed()[:9], "it closed the connection before it had answered"},
		{"an unknown version", frame('O', strings.Repeat("\x00", 12)), "negotiate: unsupported protocol version: 0"},
		{"actions that are not offered", frame('O', "\x00\x00\x00\x06\x00\x00\x00\x80\x00\x00\x00\x00"),
			"negotiate: unsupported actions requested"},
		{"an unknown answer", agreed() + frame('!', ""), "end: action read: unexpected code: !"},
		{"a reply without an end", agreed() + frame('y', "550 x"), "end: action read: missing NUL terminator"},
		{"a reply of no refusal", agreed() + frame('y', "250 ok\x00"), "end: action read: invalid SMTP code: 250"},
		{"half a field", agreed() + frame('h', "X-A"), "end: read modify action: wrong number of arguments 1 for header action: [[88 45 65]]"},
		{"a field without a name", agreed() + frame('h', "\x00x\x00") + frame('c', ""), errFieldName.Error()},
		{"a field with a bad name", agreed() + frame('h', "X A\x00x\x00") + frame('c', ""), errFieldName.Error()},
		{"a field with two in it", agreed() + frame('h', "X: 1\r\nY\x00x\x00") + frame('c', ""), errFieldName.Error()},
		{"a large header", agreed() + strings.Repeat(frame('h', "X\x00"+strings.Repeat("x", 200<<10)+"\x00"), 2) + frame('c', ""), errLargeHeader.Error()},
		{"a large packet", agreed() + frame('h', strings.Repeat("x", maxFrame)), "end: action read: it sent a packet of 262145 bytes; 262144 are the most"},
		{"many changes", agreed() + strings.Repeat(frame('q', "x\x00"), maxChanges+1), "end: action read: " + errChanges.Error()},
		{"endless progress", agreed() + strings.Repeat(frame('p', strings.Repeat("x", 1<<10)), 1100), "end: action read: " + errSaid.Error()},
		{"a long text", agreed() + strings.Repeat(frame('b', strings.Repeat("x", 1<<20)), 11) + frame('c', ""), "end: action read: " + errLong.Error()},
	}
	for _, tt := range tests {
		checkTrouble(t, tt.name, raw(t, saying(tt.said)), nil, tt.reason)
	}
}

// TestStopped: who stops the relay does not wait for filters.
func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &script{at: map[string]func(milter.Modifier) (*milter.Response, error){
		"body": func(milter.Modifier) (*milter.Response, error) {
			cancel()
			<-ctx.Done()
			return nil, errors.New("gone")
		},
	}}
	o := serve(t, s)
	o.PassOnError = true
	if _, err := (Chain{New(o, nil)}).Run(ctx, newMail(t, sample)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestToldOnce: a trouble is told when it begins, now and then, and when it
// ends.
func TestToldOnce(t *testing.T) {
	var log bytes.Buffer
	tr := trouble{log: hclog.New(&hclog.LoggerOptions{Output: &log, DisableTime: true})}
	now := time.Unix(1_000_000, 0)
	tr.over()
	for range 1000 {
		tr.tell(now, "why", false)
		now = now.Add(tellAgain / 500)
	}
	tr.over()
	tr.over()
	tr.tell(now, "why", true)
	want := `[WARN]  a content filter is in trouble: reason=why mail="refused for now" messages=1
[WARN]  a content filter is in trouble: reason=why mail="refused for now" messages=500
[INFO]  a content filter answers again: messages=499
[WARN]  a content filter is in trouble: reason=why mail="let pass unseen" messages=1
`
	if log.String() != want {
		t.Errorf("logged\n%s, want\n%s", log.String(), want)
	}
}

// TestProbe: what check --probe asks.
func TestProbe(t *testing.T) {
	if err := New(serve(t, &script{}), nil).Probe(context.Background()); err != nil {
		t.Error(err)
	}
	err := New(Options{Network: "unix", Address: t.TempDir() + "/none"}, nil).Probe(context.Background())
	if err == nil || !strings.Contains(err.Error(), "cannot be reached") || errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// FuzzFilter: whatever a peer says, the dialogue ends well, and what is left is
// a message.
func FuzzFilter(f *testing.F) {
	f.Add([]byte(agreed() + frame('h', "X-Spam\x00yes\x00") + frame('m', "\x00\x00\x00\x01X-A\x00\x00") + frame('c', "")))
	f.Add([]byte(agreed() + frame('i', "\x00\x00\x00\x00X-Top\x00a\n\n b\r\rc\x00") + frame('q', "why\x00") + frame('a', "")))
	f.Add([]byte(agreed() + frame('b', "new\ntext\r.\n") + frame('e', "<>\x00") + frame('+', "<x@y.example>\x00") + frame('-', "<b@to.example>\x00") + frame('c', "")))
	f.Add([]byte(agreed() + frame('y', "550-5.7.1 a\r\n550 5.7.1 b%%\x00")))
	f.Add([]byte(frame('O', "\x00\x00\x00\x06\x00\x00\x00\x3f\x00\x00\x00\x00\x00\x00\x00\x00i j\x00") + strings.Repeat(frame('c', ""), 40)))
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, said []byte) {
		p := newPipes()
		var peer sync.WaitGroup
		peer.Go(func() {
			c, err := p.Accept()
			if err == nil {
				saying(string(said))(c)
			}
		})
		filter := New(Options{Name: "test"}, nil)
		filter.dial = p.dial
		m := newMail(t, sample)
		o, err := Chain{filter}.Run(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		peer.Wait()
		checkMessage(t, content(t, m))
		if o.Action == Refuse && (o.Reply.Code < 400 || o.Reply.Code > 599 || o.Reply.Code == 421 || o.Reply.Enhanced[0] != o.Reply.Code/100 ||
			o.Reply.Text == "" || len(o.Reply.Text) > MaxText || strings.ContainsFunc(o.Reply.Text, func(r rune) bool { return r < ' ' || r >= 0x7f })) {
			t.Errorf("reply %+v", o.Reply)
		}
	})
}

// checkMessage wants CRLF line ends in a header section, and no field that a
// value smuggled in.
func checkMessage(t *testing.T, whole string) {
	t.Helper()
	head, _, ok := strings.Cut("\r\n"+whole, "\r\n\r\n")
	if !ok {
		t.Fatalf("no end of the header in %q", whole)
	}
	for _, line := range strings.Split(head[min(2, len(head)):], "\r\n") {
		name, _, colon := strings.Cut(line, ":")
		folded := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		if strings.ContainsAny(line, "\r\n") || !folded && (!colon || name == "" || strings.ContainsAny(name, " \t")) {
			t.Errorf("line %q in %q", line, whole)
		}
	}
}
