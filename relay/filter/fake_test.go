package filter

import (
	"context"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	milter "github.com/d--j/go-milter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a real filter, on go-milter's server, that does at each stage what
// a test says. It notes what it was shown.
type script struct {
	milter.NoOpMilter
	at map[string]func(milter.Modifier) (*milter.Response, error)

	mu     sync.Mutex
	shown  []string // "mail a@from.example", "field Subject: x", …
	text   strings.Builder
	macros map[string]string
}

// do notes a stage and goes through it.
func (s *script) do(stage, shown string, m milter.Modifier) (*milter.Response, error) {
	s.mu.Lock()
	s.shown = append(s.shown, strings.TrimSpace(stage+" "+shown))
	if s.macros == nil {
		s.macros = make(map[string]string)
	}
	for _, name := range []string{
		"i", "j", "v", "{daemon_name}", "{client_addr}", "{client_name}", "{tls_version}", "{cipher}",
		"{cipher_bits}", "{auth_type}", "{auth_authen}", "{mail_addr}", "{mail_host}", "{rcpt_addr}", "{rcpt_host}",
	} {
		if v, ok := m.GetEx(name); ok {
			s.macros[stage+" "+name] = v
		}
	}
	s.mu.Unlock()
	if fn := s.at[stage]; fn != nil {
		return fn(m)
	}
	return milter.RespContinue, nil
}

func (s *script) Connect(host, family string, port uint16, addr string, m milter.Modifier) (*milter.Response, error) {
	return s.do("connect", host+" "+family+" "+addr, m)
}

func (s *script) Helo(name string, m milter.Modifier) (*milter.Response, error) {
	return s.do("helo", name, m)
}

func (s *script) MailFrom(from, args string, m milter.Modifier) (*milter.Response, error) {
	return s.do("mail", from+" "+args, m)
}

func (s *script) RcptTo(to, args string, m milter.Modifier) (*milter.Response, error) {
	return s.do("rcpt", to+" "+args, m)
}

func (s *script) Data(m milter.Modifier) (*milter.Response, error) { return s.do("data", "", m) }

func (s *script) Header(name, value string, m milter.Modifier) (*milter.Response, error) {
	return s.do("field", name+": "+value, m)
}

func (s *script) Headers(m milter.Modifier) (*milter.Response, error) { return s.do("header", "", m) }

func (s *script) BodyChunk(chunk []byte, m milter.Modifier) (*milter.Response, error) {
	s.mu.Lock()
	s.text.Write(chunk)
	s.mu.Unlock()
	return s.do("body", "", m)
}

func (s *script) EndOfMessage(m milter.Modifier) (*milter.Response, error) { return s.do("end", "", m) }

// answer makes a stage answer.
func answering(r *milter.Response) func(milter.Modifier) (*milter.Response, error) {
	return func(milter.Modifier) (*milter.Response, error) { return r, nil }
}

// asking makes the end ask for changes, and accept.
func asking(change func(m milter.Modifier) error) map[string]func(milter.Modifier) (*milter.Response, error) {
	return map[string]func(milter.Modifier) (*milter.Response, error){
		"end": func(m milter.Modifier) (*milter.Response, error) { return milter.RespAccept, change(m) },
	}
}

// serve runs a filter until the end of the test, and gives how it is asked.
func serve(t testing.TB, s *script) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := milter.NewServer(
		milter.WithMilter(func() milter.Milter { return s }),
		milter.WithActions(offered&^milter.OptSetMacros), milter.WithProtocol(milter.OptSkip),
	)
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(ln) })
	t.Cleanup(func() {
		srv.Close()
		srv.Shutdown(context.Background())
		served.Wait()
	})
	return Options{Name: "test", Network: "unix", Address: path, Timeout: 5 * time.Second}
}

// raw runs a peer that is no filter: talk has each connection to itself.
func raw(t testing.TB, talk func(net.Conn)) Options {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer c.Close()
				talk(c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		served.Wait()
	})
	return Options{Name: "test", Network: "tcp", Address: ln.Addr().String(), Timeout: 5 * time.Second}
}

const sample = "Subject: hello\r\nTo: <b@to.example>,\r\n\t<c@to.example>\r\nX-A: 1\r\nx-a: 2\r\nX-A:3\r\n\r\nthe text\r\n.dot\r\n"

// newMail is a message that came in.
func newMail(t testing.TB, content string) *Mail {
	t.Helper()
	m := &Mail{
		ID: "01K0000000000000000000000A", Hostname: "relay.example", Listener: "local",
		Session: Session{
			Client: netip.MustParseAddr("192.0.2.7"), Port: 1234, Hello: "client.example", User: "joe", Mechanism: "PLAIN",
			TLS: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256", Bits: 128,
		},
		From: "a@from.example", To: []string{"b@to.example", "c@to.example"}, MaxSize: 10 << 20,
	}
	if err := m.Read(strings.NewReader(content), NewRoom(t.TempDir(), 0)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// content reads a whole message.
func content(t testing.TB, m *Mail) string {
	t.Helper()
	all, err := io.ReadAll(m.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
