package daemon_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"relaykeep/relay"
	"relaykeep/relay/daemon"
	"relaykeep/relay/message/dkim"
	"relaykeep/upstream/upstreamtest"
)

// keyring makes keys, the blocks dkim that name them, and what the DNS would
// say.
type keyring struct {
	blocks strings.Builder
	dns    map[string]string
}

func newKeyring(t *testing.T, domains ...string) *keyring {
	t.Helper()
	k := &keyring{dns: map[string]string{}}
	for _, d := range domains {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), d+".pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		record, err := dkim.Record(public)
		if err != nil {
			t.Fatal(err)
		}
		k.dns[dkim.RecordName("s1", d)] = record
		fmt.Fprintf(&k.blocks, "dkim %q {\n key {\n selector = \"s1\"\n file = %q\n }\n}\n", d, file)
	}
	return k
}

// signers gives the domains that have signed a message; a signature that is not
// good fails the test.
func (k *keyring) signers(t *testing.T, content []byte) string {
	t.Helper()
	found, err := msgauth.VerifyWithOptions(strings.NewReader(string(content)), &msgauth.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return []string{k.dns[name]}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var domains []string
	for _, v := range found {
		if v.Err != nil {
			t.Errorf("signature of %s: %v", v.Domain, v.Err)
		}
		domains = append(domains, v.Domain)
	}
	return strings.Join(domains, " ")
}

func offering(t *testing.T, o upstreamtest.Options) *upstreamtest.Server {
	t.Helper()
	s, err := upstreamtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// serving starts a daemon whose events come to seen.
func serving(t *testing.T, o daemon.Options) (d *daemon.Daemon, seen watch) {
	t.Helper()
	seen = make(watch, 1000)
	o.Watch = seen
	d = start(t, o)
	waitServing(t, d)
	return d, seen
}

func submit(t *testing.T, d *daemon.Daemon, from, content string) {
	t.Helper()
	if err := smtp.SendMail(d.Addrs()["local"][0].String(), nil, from, []string{"b@example.com"}, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

// until waits for an event of this kind.
func (w watch) until(kind relay.EventKind) relay.Event {
	for e := range w {
		if e.Kind == kind {
			return e
		}
	}
	return relay.Event{}
}

func stop(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A signature is kept over a refusal and a restart: the same bytes come again.
func TestSignatureIsKept(t *testing.T) {
	checkGoroutines(t)
	out := provider(t)
	out.On(upstreamtest.Dot, upstreamtest.Times(2, upstreamtest.Reply("451 4.3.0 later").Recorded()))
	k := newKeyring(t, "example.org")
	p := newPlace(t, out.Addr())
	more := fmt.Sprintf("upstream \"out\" {\n address = %q\n tls = \"none\"\n}\nretry \"default\" {\n initial = \"1s\"\n max = \"1s\"\n jitter = 0\n}\n%s", out.Addr(), k.blocks.String())
	d, seen := serving(t, configured(t, p, more))
	submit(t, d, "a@example.org", "From: a@example.org\r\nSubject: hello\r\n\r\nHello.\r\n")
	seen.until(relay.EventDeferred)
	stop(t, d)
	d, seen = serving(t, configured(t, p, more))
	seen.until(relay.EventDelivered)
	stop(t, d)
	got := out.Messages()
	if len(got) != 3 || string(got[0].Body) != string(got[1].Body) || string(got[0].Body) != string(got[2].Body) {
		t.Fatalf("%d messages came, or they differ", len(got))
	}
	if by := k.signers(t, got[0].Body); by != "example.org" {
		t.Errorf("signed by %q", by)
	}
}

// Each upstream gets its own From, and the signature of that domain.
func TestFailoverToAnotherRewrite(t *testing.T) {
	checkGoroutines(t)
	first, second := provider(t), provider(t)
	first.On(upstreamtest.Dot, upstreamtest.Always(upstreamtest.Reply("550 5.7.60 Client does not have permissions to send as this sender").Recorded()))
	k := newKeyring(t, "one.test", "two.test")
	p := newPlace(t, first.Addr())
	more := k.blocks.String()
	for i, s := range []*upstreamtest.Server{first, second} {
		name := []string{"one", "two"}[i]
		more += fmt.Sprintf("upstream %q {\n address = %q\n tls = \"none\"\n rewrite {\n from = \"relay@%s.test\"\n envelope_from = \"bounces@%[1]s.test\"\n }\n}\n", name, s.Addr(), name)
	}
	d, seen := serving(t, configured(t, p, more))
	submit(t, d, "a@example.org", "From: App <a@example.org>\r\nSender: b@example.org\r\nSubject: hello\r\n\r\nHello.\r\n")
	opened := seen.until(relay.EventIncidentOpened)
	seen.until(relay.EventDelivered)
	stop(t, d)
	for i, s := range []*upstreamtest.Server{first, second} {
		domain := []string{"one.test", "two.test"}[i]
		got := s.Messages()
		if len(got) != 1 {
			t.Fatalf("%s got %d messages", domain, len(got))
		}
		if by := k.signers(t, got[0].Body); by != domain || got[0].From != "bounces@"+domain {
			t.Errorf("%s: signed by %q, sent from <%s>", domain, by, got[0].From)
		}
		text := string(got[0].Body)
		if !strings.Contains(text, "\r\nFrom: App <relay@"+domain+">\r\nReply-To: App <a@example.org>\r\nSubject: hello\r\n") {
			t.Errorf("%s got\n%s", domain, text)
		}
	}
	if !strings.Contains(opened.Detail, "<bounces@one.test>") {
		t.Errorf("the incident says %q", opened.Detail)
	}
}

// Where all mail goes under one address, its refusal is one trouble, however
// many senders there are.
func TestRefusedRewriteIsOneIncident(t *testing.T) {
	checkGoroutines(t)
	out := provider(t)
	out.On(upstreamtest.Mail, upstreamtest.Always(upstreamtest.Reply("553 Mail from must equal authorized user")))
	p := newPlace(t, out.Addr())
	d, seen := serving(t, configured(t, p, fmt.Sprintf("upstream \"out\" {\n address = %q\n tls = \"none\"\n provider = \"netease\"\n rewrite {\n envelope_from = \"relay@163.test\"\n }\n}\n", out.Addr())))
	var incidents []int64
	for i := range 5 {
		submit(t, d, fmt.Sprintf("app%d@example.org", i), "Subject: hello\r\n\r\nHello.\r\n")
		held := seen.until(relay.EventHeld)
		incidents = append(incidents, held.Incident)
	}
	stop(t, d)
	if len(slices.Compact(incidents)) != 1 || incidents[0] == 0 {
		t.Errorf("held by incidents %v", incidents)
	}
}

// A server that can do nothing gets ASCII, its exact size, and a good signature.
func TestOldServer(t *testing.T) {
	checkGoroutines(t)
	out := offering(t, upstreamtest.Options{Extensions: []string{}, MaxSize: 1 << 20})
	k := newKeyring(t, "example.org")
	p := newPlace(t, out.Addr())
	d, seen := serving(t, configured(t, p, fmt.Sprintf("upstream \"out\" {\n address = %q\n tls = \"none\"\n}\n%s", out.Addr(), k.blocks.String())))
	submit(t, d, "a@example.org", "From: Jürgen <a@example.org>\r\nSubject: Grüße\r\n\r\nSchöne Grüße.\r\n"+strings.Repeat("lang ", 300)+"\r\n")
	seen.until(relay.EventDelivered)
	stop(t, d)
	got := out.Messages()[0]
	if by := k.signers(t, got.Body); by != "example.org" {
		t.Errorf("signed by %q", by)
	}
	for _, c := range got.Body {
		if c >= 0x80 {
			t.Fatalf("it got\n%s", got.Body)
		}
	}
	if want := fmt.Sprintf("SIZE=%d", len(got.Body)); len(got.Params) != 1 || got.Params[0] != want {
		t.Errorf("MAIL has %q, want %q", got.Params, want)
	}
	text := string(got.Body)
	if !strings.Contains(text, "From: =?utf-8?q?J=C3=BCrgen?= <a@example.org>\r\n") || !strings.Contains(text, "Sch=C3=B6ne Gr=C3=BC=C3=9Fe.\r\n") {
		t.Errorf("it got\n%s", text)
	}
}

// A provider that refuses <> gets the sender of the configuration; others get
// <>.
func TestNullSenderWhereItIsRefused(t *testing.T) {
	checkGoroutines(t)
	for provider, want := range map[string]string{"ses": "bounces@example.org", "generic": ""} {
		out := offering(t, upstreamtest.Options{})
		p := newPlace(t, out.Addr())
		d, seen := serving(t, configured(t, p, fmt.Sprintf("upstream \"out\" {\n address = %q\n tls = \"none\"\n provider = %q\n rewrite {\n envelope_from = \"bounces@example.org\"\n }\n}\n", out.Addr(), provider)))
		submit(t, d, "", "From: mailer-daemon@example.org\r\n\r\nHello.\r\n")
		seen.until(relay.EventDelivered)
		stop(t, d)
		if got := out.Messages()[0].From; got != want {
			t.Errorf("%s: sent from <%s>", provider, got)
		}
	}
}

// A message that cannot be signed is held by an incident, and sent nowhere.
func TestUnsignableIsHeld(t *testing.T) {
	checkGoroutines(t)
	out := provider(t)
	k := newKeyring(t, "example.org")
	p := newPlace(t, out.Addr())
	d, seen := serving(t, configured(t, p, fmt.Sprintf("upstream \"out\" {\n address = %q\n tls = \"none\"\n}\n%s", out.Addr(), k.blocks.String())))
	submit(t, d, "a@example.org", "From: a@example.org\r\n\r\nHello.\r\n"+strings.Repeat("\r\n", 40_000)+"Bye.\r\n")
	held := seen.until(relay.EventHeld)
	stop(t, d)
	if held.Incident == 0 || held.Verdict.Rule != "not-signed" || out.Reached(upstreamtest.Mail) != 0 {
		t.Errorf("got %+v", held)
	}
}
