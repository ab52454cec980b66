package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// difficult has what a careless relay changes: dots at the beginning of lines,
// blanks at their end, long and empty lines, bytes beyond ASCII.
var difficult = strings.Join([]string{
	"Date: Tue, 03 Nov 2026 10:00:00 +0000", "From: <sender@example.org>", "To: <rcpt@example.com>", "Message-ID: <difficult@example.org>",
	"Received: from elsewhere by example.org; Tue, 03 Nov 2026 10:00:00 +0000",
	"Subject: a folded", "\tsubject", "",
	".", "..", "...", ".dot", "blanks at the end  \t", "", "ümläut ✓", "From here", strings.Repeat("x", 990), "", "",
}, "\n")

// TestManyMessages is the main job: 10,000 messages over 20 sessions of
// smtp-source arrive in smtp-sink as they were sent, and nothing stays.
func TestManyMessages(t *testing.T) {
	const many = 10_000
	out := startSink(t)
	n := newNode(t, settings{}, upstreamBlock("sink", out.addr, "max_connections = 20"))
	p := n.start()
	file := n.write("mail", difficult)
	// What the two programs make of the file between themselves is the measure.
	smtpSource(t, out.addr, "-F", file)
	direct := out.messages()
	if len(direct) != 1 || strings.TrimRight(direct[0].content, "\n") != strings.TrimRight(difficult, "\n") {
		t.Fatalf("smtp-source and smtp-sink alone: %q", direct)
	}
	smtpSource(t, p.addr(), "-s", "20", "-m", fmt.Sprint(many), "-d", "-N", "-F", file)

	delivered := make(map[string]bool)
	_, ok := p.log.wait(patience(t), func(l line) bool {
		if l.text("event") == "delivered" {
			delivered[l.text("message")] = true
		}
		return len(delivered) == many
	})
	if !ok {
		t.Fatalf("%d of %d messages were delivered", len(delivered), many)
	}
	if left := n.unfinished(); left != 0 {
		t.Errorf("%d messages are left in the spool", left)
	}
	p.stop()

	recipients := make(map[string]bool)
	for _, m := range out.messages() {
		if m == direct[0] {
			continue
		}
		recipients[m.rcpt] = true
		_, rest, err := untrace([]byte(strings.ReplaceAll(m.content, "\n", "\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ReplaceAll(direct[0].content, "\n", "\r\n"); string(rest) != want {
			t.Fatalf("for %s arrived\n%q\nand was sent\n%q", m.rcpt, rest, want)
		}
	}
	if len(recipients) != many {
		t.Errorf("messages for %d recipients arrived; want %d", len(recipients), many)
	}
}

// TestLoginAndTLS brings mail in by swaks in every way that a client may come,
// and out over TLS with a login.
func TestLoginAndTLS(t *testing.T) {
	ca, err := upstreamtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(upstreamtest.Cert{})
	if err != nil {
		t.Fatal(err)
	}
	ways := []struct {
		name     string
		listener string
		args     []string
		with     string // in the Received field
		user     string
	}{
		{"in clear", "local", nil, "with ESMTP\r\n", ""},
		{"STARTTLS", "local", []string{"--tls"}, "with ESMTPS (TLS", ""},
		{"implicit TLS", "secure", []string{"--tls-on-connect"}, "with ESMTPS (TLS", ""},
		{"PLAIN", "local", login("PLAIN"), "with ESMTPA\r\n", "app"},
		{"LOGIN", "local", login("LOGIN"), "with ESMTPA\r\n", "app"},
		{"STARTTLS and PLAIN", "local", append(login("PLAIN"), "--tls"), "with ESMTPSA (TLS", "app"},
		{"implicit TLS and LOGIN", "secure", append(login("LOGIN"), "--tls-on-connect"), "with ESMTPSA (TLS", "app"},
	}
	for _, mechanism := range []string{"plain", "login"} {
		t.Run("out by "+mechanism, func(t *testing.T) {
			out := startProvider(t, upstreamtest.Options{Certificate: cert, Users: map[string]string{"relay": "s3cret"}})
			n := newTLSNode(t, ca, cert, out.Addr(), mechanism)
			p := n.start()
			file := n.write("mail", difficult)
			for i, way := range ways {
				t.Run(way.name, func(t *testing.T) {
					id := swaks(t, p.addrs[way.listener], append(way.args, "--data", "@"+file)...)
					taken, err := out.WaitMessages(patience(t), i+1)
					if err != nil {
						t.Fatal(err)
					}
					checkTaken(t, taken[i], id, way.with)
					accepted, _ := p.log.event(patience(t), "accepted", string(id))
					if accepted.text("user") != way.user {
						t.Errorf("the user in the log is %q; want %q", accepted.text("user"), way.user)
					}
				})
			}
			t.Run("wrong password", func(t *testing.T) {
				r := trySwaks(t, p.addr(), "--auth", "PLAIN", "--auth-user", "app", "--auth-password", "wrong")
				if r.status == 0 || !strings.Contains(r.out, "535 5.7.8") {
					t.Errorf("swaks ended with status %d:\n%s", r.status, r.out)
				}
			})
			p.stop()
		})
	}
}

func login(mechanism string) []string {
	return []string{"--auth", mechanism, "--auth-user", "app", "--auth-password", "pass word"}
}

// newTLSNode has listeners with TLS and logins, and an upstream with both.
func newTLSNode(t *testing.T, ca *upstreamtest.CA, cert *tls.Certificate, out, mechanism string) *node {
	t.Helper()
	n := newNode(t, settings{})
	certFile, keyFile := n.writeCertificate(cert)
	door := func(mode string) string {
		return fmt.Sprintf("tls {\n cert_file = %q\n key_file = %q\n mode = %q\n}\nauth {\n users_file = %q\n required = false\n}\n",
			certFile, keyFile, mode, n.dir+"/users")
	}
	n.write("users", user(t, "app", "pass word"))
	n.configure(settings{
		listener: door("starttls"),
		rest:     "listener \"secure\" {\n address = \"127.0.0.1:0\"\n " + door("implicit") + "}\n",
	}, fmt.Sprintf(`
upstream "out" {
  address     = %q
  tls_ca_file = %q
  auth {
    mechanism = %q
    username  = "relay"
    password  = file(%q)
  }
}`, out, n.write("ca.pem", string(ca.PEM())), mechanism, n.write("password", "s3cret\n")))
	return n
}

// writeCertificate writes a certificate with its chain, and its key.
func (n *node) writeCertificate(c *tls.Certificate) (certFile, keyFile string) {
	n.t.Helper()
	var chain bytes.Buffer
	for _, der := range c.Certificate {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.write("cert.pem", chain.String()),
		n.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

// checkTaken compares what a provider took with what swaks sent.
func checkTaken(t *testing.T, m upstreamtest.Message, id relay.ID, with string) {
	t.Helper()
	got, rest, err := untrace(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	trace := string(m.Body[:len(m.Body)-len(rest)])
	// swaks ends what it sends with an empty line.
	body := strings.TrimSuffix(string(rest), "\r\n")
	switch {
	case got != id:
		t.Errorf("%s arrived; want %s", got, id)
	case !strings.Contains(trace, with):
		t.Errorf("the Received field is %q; want %q in it", trace, with)
	case body != strings.ReplaceAll(difficult, "\n", "\r\n"):
		t.Errorf("arrived\n%q\nand was sent\n%q", body, difficult)
	case !m.TLS, m.User != "relay":
		t.Errorf("it went out with TLS %t, as user %q", m.TLS, m.User)
	}
}

// startProvider starts a fake provider until the test has ended.
func startProvider(t *testing.T, o upstreamtest.Options) *upstreamtest.Server {
	t.Helper()
	s, err := upstreamtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
