package upstreamtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// client is a plain client that reads one reply per command.
type client struct {
	*textproto.Conn
	t *testing.T
}

func dial(t *testing.T, s *Server) *client {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{textproto.NewConn(nc), t}
	t.Cleanup(func() { c.Close() })
	return c
}

// do sends a line and wants a reply that begins with want; "" sends nothing.
func (c *client) do(line, want string) {
	c.t.Helper()
	if line != "" {
		if err := c.PrintfLine("%s", line); err != nil {
			c.t.Fatal(err)
		}
	}
	code, text, err := c.ReadResponse(0)
	var refused *textproto.Error
	if err != nil && !errors.As(err, &refused) {
		c.t.Fatalf("%s: %v", line, err)
	}
	if got := fmt.Sprint(code, " ", text); !strings.HasPrefix(got, want) {
		c.t.Errorf("%s: got %q, want %q", line, got, want)
	}
}

func (c *client) mail(want string) {
	c.t.Helper()
	c.do("MAIL FROM:<a@x.test> SIZE=9", "250")
	c.do(`RCPT TO:<"b> c"@y.test> NOTIFY=NEVER`, "250")
	c.do("DATA", "354")
	c.do("..dot\r\nbare\n.\nend\r\n.", want)
}

func TestAcceptsAndRecords(t *testing.T) {
	s := start(t, Options{MaxSize: 1000})
	c := dial(t, s)
	c.do("", "220")
	c.do("MAIL FROM:<a@x.test>", "503")
	c.do("EHLO me.test", "250 provider.test\nPIPELINING\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nSIZE 1000")
	c.mail("250 2.0.0 Ok: queued as F1")
	c.do("RCPT TO:<x@y.test>", "503")
	c.do("NOOP", "250")
	c.do("VRFY x", "500")
	c.do("MAIL FROM:<a@x.test>", "250")
	c.do("RSET", "250")
	c.do("DATA", "503")
	c.do("QUIT", "221")
	got, err := s.WaitMessages(t.Context(), 1)
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v (%v)", got, err)
	}
	m := got[0]
	if m.From != "a@x.test" || fmt.Sprint(m.Params) != "[SIZE=9]" || m.Session != 1 || m.Hello != "me.test" || m.TLS || m.User != "" ||
		m.To[0].Address != `"b> c"@y.test` || fmt.Sprint(m.To[0].Params) != "[NOTIFY=NEVER]" {
		t.Errorf("recorded %+v", m)
	}
	if want := ".dot\r\nbare\n.\nend\r\n"; string(m.Body) != want || m.Size != int64(len(want)) {
		t.Errorf("body is %q", m.Body)
	}
	if err := s.WaitClosed(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	s := start(t, Options{MaxSize: 10})
	c := dial(t, s)
	c.do("", "220")
	c.do("EHLO me.test", "250")
	c.mail("552")
	if len(s.Messages()) != 0 {
		t.Error("recorded")
	}
}

func TestScripts(t *testing.T) {
	s := start(t, Options{})
	s.On(Mail, Nth(2, Reply("450-4.2.1 a", "450 4.2.1 b")))
	s.On(Rcpt, ByAddress(map[string]Act{"no@y.test": Reply("550 5.1.1 no")}))
	s.On(Dot, Times(1, Reply("451 4.3.0 later")))
	c := dial(t, s)
	c.do("", "220")
	c.do("EHLO me.test", "250")
	c.mail("451")
	c.do("MAIL FROM:<>", "450 4.2.1 a\n4.2.1 b")
	c.do("MAIL FROM:<>", "250")
	c.do("RCPT TO:<no@y.test>", "550")
	c.do("DATA", "554")
	c.do("RSET", "250")
	c.mail("250")
	if n := len(s.Messages()); n != 1 {
		t.Errorf("%d recorded", n)
	}
	s.On(Rset, Always(Raw([]byte("250 a\r\n250 b\r\n"))))
	c.do("RSET", "250 a")
	c.do("", "250 b")
	s.On(Rset, nil)
	c.do("RSET", "250 2.0.0")
}

func TestEndsOfAConnection(t *testing.T) {
	for name, act := range map[string]Act{"drop": Drop(), "reset": Reset(), "421": Reply("421 4.3.2 bye").ThenDrop()} {
		s := start(t, Options{})
		s.On(Dot, Always(act.Recorded()))
		c := dial(t, s)
		c.do("", "220")
		c.do("EHLO me.test", "250")
		c.do("MAIL FROM:<a@x.test>", "250")
		c.do("RCPT TO:<b@y.test>", "250")
		c.do("DATA", "354")
		if name == "421" {
			c.do(".", "421")
		} else if err := c.PrintfLine("."); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadLine(); err == nil {
			t.Errorf("%s: still open", name)
		}
		if n := len(s.Messages()); n != 1 {
			t.Errorf("%s: %d recorded", name, n)
		}
	}
}

func TestStall(t *testing.T) {
	s := start(t, Options{})
	s.On(Hello, Always(Stall()))
	c := dial(t, s)
	c.do("", "220")
	go func() {
		if s.WaitStage(t.Context(), Hello, 1) == nil {
			s.Release()
		}
	}()
	c.do("EHLO me.test", "250")

	// What is stalled does not keep Close.
	if err := c.PrintfLine("EHLO me.test"); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitStage(t.Context(), Hello, 2); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if _, err := c.ReadLine(); err == nil {
		t.Error("still open")
	}
}

func TestEarlyAnswer(t *testing.T) {
	s := start(t, Options{})
	s.On(Body, Always(Reply("550 5.7.1 no").After(5)))
	c := dial(t, s)
	c.do("", "220")
	c.do("EHLO me.test", "250")
	c.do("MAIL FROM:<a@x.test>", "250")
	c.do("RCPT TO:<b@y.test>", "250")
	c.do("DATA", "354")
	c.do("12345", "550")
	c.do("more\r\n.\r\nNOOP", "250")
	if len(s.Messages()) != 0 {
		t.Error("recorded")
	}
}

func TestTLSAndLogin(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(Cert{})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Certificate: cert, Users: map[string]string{"u": "p"}})
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := &client{textproto.NewConn(nc), t}
	c.do("", "220")
	c.do("EHLO me.test", "250 provider.test\nPIPELINING\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nSTARTTLS")
	c.do("AUTH PLAIN AHUAcA==", "538")
	c.do("STARTTLS", "220")
	c = &client{textproto.NewConn(tls.Client(nc, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})), t}
	c.do("EHLO me.test", "250 provider.test\nPIPELINING\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\nAUTH PLAIN LOGIN")
	c.do("MAIL FROM:<a@x.test>", "530")
	c.do("AUTH PLAIN AHUAeA==", "535")
	c.do("AUTH X", "504")
	c.do("AUTH LOGIN", "334 VXNlcm5hbWU6")
	c.do("dQ==", "334 UGFzc3dvcmQ6")
	c.do("cA==", "235")
	c.mail("250")
	if m := s.Messages()[0]; !m.TLS || m.User != "u" {
		t.Errorf("recorded %+v", m)
	}
	for _, cmd := range s.Commands() {
		if cmd.Line == "MAIL FROM:<a@x.test>" && !cmd.TLS {
			t.Errorf("%+v", cmd)
		}
	}
}

func TestWaitingEnds(t *testing.T) {
	s := start(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.WaitMessages(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHostileClients(t *testing.T) {
	s := start(t, Options{})
	for name, junk := range map[string]string{
		"endless line":    strings.Repeat("x", 2*maxLine),
		"cut in the body": "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nhalf",
		"odd paths":       "EHLO x\r\nMAIL FROM:\r\nMAIL FROM:<\r\nMAIL FROM:<\"\\\r\nMAIL\r\nRCPT\r\nQUIT\r\n",
		"odd logins":      "EHLO x\r\nAUTH\r\nAUTH PLAIN\r\n!\r\nQUIT\r\n",
	} {
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(nc, junk); err != nil {
			t.Logf("%s: %v", name, err) // the server may have closed already
		}
		_ = nc.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, nc)
		nc.Close()
	}
	if len(s.Messages()) != 0 {
		t.Error("recorded")
	}
}

func TestCertificates(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	expired, err := ca.Expired()
	if err != nil || !expired.Leaf.NotAfter.Before(time.Now()) {
		t.Errorf("%v, %v", expired.Leaf.NotAfter, err)
	}
	wrong, err := ca.WrongName()
	if err != nil || wrong.Leaf.VerifyHostname("localhost") == nil {
		t.Errorf("%v", err)
	}
	self, err := SelfSigned()
	if err != nil || len(self.Certificate) != 1 || self.Leaf.CheckSignatureFrom(self.Leaf) == nil && self.Leaf.IsCA {
		t.Errorf("%v", err)
	}
}
