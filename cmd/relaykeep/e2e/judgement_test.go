package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// TestFatesOfOneTransaction gives each recipient of one message its own
// answer: only those who failed for a while are tried again.
func TestFatesOfOneTransaction(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Rcpt, func(s upstreamtest.Step) upstreamtest.Act {
		switch {
		case strings.HasPrefix(s.Address, "never"):
			return upstreamtest.Reply("550 5.1.1 User unknown")
		case strings.HasPrefix(s.Address, "later") && s.N <= 3:
			return upstreamtest.Reply("450 4.2.1 Greylisted, come back later")
		}
		return upstreamtest.Act{}
	})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	m := letter()
	m.to = []string{"now@example.org", "later@example.org", "never@example.org"}
	id := p.post(m)
	got, err := out.WaitMessages(patience(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	// The notice about the one who is refused goes out while another waits.
	for i, want := range []string{"now@example.org", m.from, "later@example.org"} {
		if to := got[i].To; len(to) != 1 || to[0].Address != want {
			t.Errorf("transaction %d was for %+v, want %s", i+1, to, want)
		}
	}
	for _, event := range []string{"bounced", "deferred", "delivered"} {
		if _, ok := p.log.wait(patience(t), func(l line) bool { return l.is(event, string(id)) }); !ok {
			t.Errorf("no %s event", event)
		}
	}
	p.stop()
	states := make(map[string]relay.State)
	for _, e := range n.entries() {
		for _, r := range e.Recipients {
			states[r.Address] = r.State
		}
	}
	if states["now@example.org"] != relay.Delivered || states["later@example.org"] != relay.Delivered || states["never@example.org"] != relay.Bounced {
		t.Errorf("states %v", states)
	}
	if n := len(p.log.all(func(l line) bool { return l.is("bounced", string(id)) })); n != 1 {
		t.Errorf("%d bounced events, want one", n)
	}
}

// TestTooManyRecipients meets a provider that takes two recipients in a
// transaction and says so: the others follow in later ones.
func TestTooManyRecipients(t *testing.T) {
	t.Parallel()
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Rcpt, func(s upstreamtest.Step) upstreamtest.Act {
		if s.N <= 4 && s.N > 2 {
			return upstreamtest.Reply("452 4.5.3 Too many recipients")
		}
		return upstreamtest.Act{}
	})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	m := letter()
	m.to = []string{"r1@example.org", "r2@example.org", "r3@example.org", "r4@example.org"}
	p.post(m)
	got, err := out.WaitMessages(patience(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].To) != 2 || len(got[1].To) != 2 || got[1].To[0].Address != "r3@example.org" {
		t.Errorf("transactions for %+v and %+v", got[0].To, got[1].To)
	}
	p.stop()
}

// envelopes counts, for a script, what each session has in its envelope.
type envelopes struct {
	mu sync.Mutex
	to map[int][]string // by session
}

// countEnvelopes has a provider refuse, at DATA, each envelope that refuse
// gives an answer for.
func countEnvelopes(out *upstreamtest.Server, refuse func(to []string) string) {
	e := envelopes{to: make(map[int][]string)}
	out.On(upstreamtest.Mail, func(s upstreamtest.Step) upstreamtest.Act {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.to[s.Session] = nil
		return upstreamtest.Act{}
	})
	out.On(upstreamtest.Rcpt, func(s upstreamtest.Step) upstreamtest.Act {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.to[s.Session] = append(e.to[s.Session], s.Address)
		return upstreamtest.Act{}
	})
	out.On(upstreamtest.Data, func(s upstreamtest.Step) upstreamtest.Act {
		e.mu.Lock()
		defer e.mu.Unlock()
		if answer := refuse(e.to[s.Session]); answer != "" {
			return upstreamtest.Reply(answer)
		}
		return upstreamtest.Act{}
	})
}

// TestEnvelopeRefusedAtData meets providers that accept every recipient and
// refuse the whole at DATA: it goes again at once in smaller transactions,
// nobody twice, and the story of the message says so.
func TestEnvelopeRefusedAtData(t *testing.T) {
	domainOf := func(a string) string { return a[strings.IndexByte(a, '@'):] }
	for _, tt := range []struct {
		name, more string
		domains    []string
		n          int
		fits       func(to []string) bool
		answer     string
	}{
		{"more than ten", "", []string{"example.org"}, 100,
			func(to []string) bool { return len(to) <= 10 },
			"552 5.5.3 Too many recipients"},
		{"three domains", `provider = "gmail"`, []string{"a.example", "b.example", "c.example"}, 9,
			func(to []string) bool {
				return !slices.ContainsFunc(to, func(a string) bool { return domainOf(a) != domainOf(to[0]) })
			},
			"451 4.3.0 Multiple destination domains per transaction is unsupported. Please try again. - gsmtp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := startProvider(t, upstreamtest.Options{})
			countEnvelopes(out, func(to []string) string {
				if tt.fits(to) {
					return ""
				}
				return tt.answer
			})
			n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), tt.more))
			p := n.start()
			m := letter()
			m.to = nil
			for i := range tt.n {
				m.to = append(m.to, fmt.Sprintf("r%d@%s", i, tt.domains[i%len(tt.domains)]))
			}
			id := p.post(m)
			delivered := 0
			if _, ok := p.log.wait(patience(t), func(l line) bool {
				if l.is("delivered", string(id)) {
					delivered++
				}
				return delivered == tt.n
			}); !ok {
				t.Fatalf("%d were delivered, want %d", delivered, tt.n)
			}
			seen := make(map[string]int)
			for _, taken := range out.Messages() {
				for _, r := range taken.To {
					seen[r.Address]++
				}
			}
			for _, a := range m.to {
				if seen[a] != 1 {
					t.Errorf("%s got it %d times", a, seen[a])
				}
			}
			if got := n.run("spool", "show", string(id), "--socket", n.socket); !strings.Contains(strings.Join(strings.Fields(got.out), " "), "split: sent again in smaller transactions") {
				t.Errorf("spool show does not tell of it:\n%s", got.out)
			}
			p.stop()
			for _, e := range n.entries() {
				for _, r := range e.Recipients {
					if r.State != relay.Delivered || r.Attempts != 1 {
						t.Errorf("%s is %s after %d attempts", r.Address, r.State, r.Attempts)
					}
				}
			}
		})
	}
}

// TestMoreRecipientsThanTheProviderTakes splits what does not fit into
// transactions of the configured size.
func TestMoreRecipientsThanTheProviderTakes(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), "max_recipients = 3"))
	p := n.start()
	m := letter()
	m.to = nil
	for i := range 8 {
		m.to = append(m.to, fmt.Sprintf("r%d@example.org", i))
	}
	p.post(m)
	got, err := out.WaitMessages(patience(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for _, taken := range got {
		if len(taken.To) > 3 {
			t.Errorf("%d recipients in one transaction", len(taken.To))
		}
		for _, r := range taken.To {
			seen[r.Address]++
		}
	}
	if len(seen) != 8 || len(got) != 3 {
		t.Errorf("%d transactions for %v", len(got), seen)
	}
	p.stop()
}

// TestTooLargeForOne passes over an upstream whose SIZE is too small, without
// asking it, and bounces what is too large for all.
func TestTooLargeForOne(t *testing.T) {
	t.Parallel()
	small, large := startProvider(t, upstreamtest.Options{MaxSize: 10_000}), startProvider(t, upstreamtest.Options{MaxSize: 100_000})
	n := newNode(t, settings{}, upstreamBlock("first", small.Addr(), ""), upstreamBlock("second", large.Addr(), ""))
	p := n.start()
	m := letter()
	m.body = append(m.body, bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 20_000/72)...)
	checkOutcome(t, p, p.post(m), failsOver)
	checkOutcome(t, p, p.post(letter()), outcome{event: "delivered", at: "first"})
	m.body = append(m.body, bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 100_000/72)...)
	checkOutcome(t, p, p.post(m), outcome{event: "bounced", at: "second"})
	p.stop()
	if got := large.Messages(); len(got) != 1 {
		t.Errorf("the large one took %d messages", len(got))
	}
	for _, e := range n.entries() {
		if r := e.Recipients[0]; r.State == relay.Delivered && r.Attempts != 1 {
			t.Errorf("%s counts %d attempts", r.Address, r.Attempts)
		}
	}
}

// TestNothingInClear meets certificates that do not satisfy and a STARTTLS
// that is missing or tampered with: the mail goes another way, and the upstream
// hears neither a credential nor a sender.
func TestNothingInClear(t *testing.T) {
	ca, err := upstreamtest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(made *tls.Certificate, err error) *tls.Certificate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	good := certificate(ca.Issue(upstreamtest.Cert{}))
	users := map[string]string{"relay": "s3cret-password"}
	for _, tt := range []struct {
		name string
		o    upstreamtest.Options
		act  upstreamtest.Act // at STARTTLS
	}{
		{"expired", upstreamtest.Options{Certificate: certificate(ca.Expired())}, upstreamtest.Act{}},
		{"wrong name", upstreamtest.Options{Certificate: certificate(ca.WrongName())}, upstreamtest.Act{}},
		{"self-signed", upstreamtest.Options{Certificate: certificate(upstreamtest.SelfSigned())}, upstreamtest.Act{}},
		{"STARTTLS stripped", upstreamtest.Options{Certificate: good, HideSTARTTLS: true, AuthInClear: true}, upstreamtest.Act{}},
		{"STARTTLS refused", upstreamtest.Options{Certificate: good, AuthInClear: true}, upstreamtest.Reply("454 4.7.0 TLS not available")},
		{"reply injected before the handshake", upstreamtest.Options{Certificate: good}, upstreamtest.Reply("220 go", "250 evil")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.Users = users
			first, second := startProvider(t, tt.o), startProvider(t, upstreamtest.Options{})
			first.On(upstreamtest.StartTLS, upstreamtest.Always(tt.act))
			n := newNode(t, settings{})
			n.configure(settings{}, fmt.Sprintf(`upstream "first" {
  address     = %q
  tls         = "starttls"
  tls_ca_file = %q
  auth {
    username = "relay"
    password = "s3cret-password"
  }
}`, first.Addr(), n.write("ca.pem", string(ca.PEM()))), upstreamBlock("second", second.Addr(), ""))
			p := n.start()
			checkOutcome(t, p, p.post(letter()), failsOver)
			p.stop()
			for _, c := range first.Commands() {
				verb, _, _ := strings.Cut(strings.ToUpper(c.Line), " ")
				if verb == "AUTH" || verb == "MAIL" {
					t.Errorf("it was told %q", c.Line)
				}
			}
			if p.log.holds("s3cret-password") {
				t.Error("the password is in the log")
			}
		})
	}
}

// TestNonsense meets what is no SMTP, or not enough of it.
func TestNonsense(t *testing.T) {
	endless := bytes.Repeat([]byte("250-and so on\r\n"), 100_000)
	for name, tt := range map[string]struct {
		stage upstreamtest.Stage
		act   upstreamtest.Act
	}{
		"endless lines":            {upstreamtest.Hello, upstreamtest.Raw(endless)},
		"one endless line":         {upstreamtest.Mail, upstreamtest.Raw(bytes.Repeat([]byte("250 x"), 100_000))},
		"no code":                  {upstreamtest.Rcpt, upstreamtest.Raw([]byte("hello there\r\n"))},
		"control bytes":            {upstreamtest.Rcpt, upstreamtest.Raw([]byte("250 \x1b[31mred\x00\x07\r\n"))},
		"a code that is none":      {upstreamtest.Mail, upstreamtest.Reply("999 what")},
		"login: for a while":       {upstreamtest.Auth, upstreamtest.Reply("454 4.7.0 Temporary authentication failure")},
		"banner of another tongue": {upstreamtest.Greeting, upstreamtest.Raw([]byte("SSH-2.0-OpenSSH_9.2\r\n"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := startProvider(t, upstreamtest.Options{Users: map[string]string{"relay": "right"}, AuthInClear: true})
			second := startProvider(t, upstreamtest.Options{})
			first.On(tt.stage, upstreamtest.Times(1, tt.act))
			n := newNode(t, settings{}, upstreamBlock("first", first.Addr(), "command_timeout = \"2s\"\n auth {\n username = \"relay\"\n password = \"right\"\n }"),
				upstreamBlock("second", second.Addr(), ""))
			p := n.start()
			checkOutcome(t, p, p.post(letter()), failsOver)
			p.stop()
			if l := p.log.all(func(l line) bool { return strings.Contains(l.text("reply"), "\x1b") }); len(l) > 0 {
				t.Errorf("an escape sequence came into the log as it was: %q", l)
			}
		})
	}
}

// TestControlBytesInARefusal: a 550 is a 550, whatever its text holds; the text
// is escaped in the log and in the story of the message.
func TestControlBytesInARefusal(t *testing.T) {
	t.Parallel()
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Rcpt, upstreamtest.Times(1, upstreamtest.Raw([]byte("550 5.1.1 \x1b[31mUser unknown\x00\x07\r\n"))))
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	id := p.post(letter())
	bounced, ok := p.log.event(patience(t), "bounced", string(id))
	if !ok {
		t.Fatal("the message was not bounced")
	}
	if got := bounced.text("reply"); !strings.Contains(got, `\x1b[31mUser unknown\x00\x07`) {
		t.Errorf("the log has the reply %q", got)
	}
	if got := n.run("spool", "show", string(id)).out; !strings.Contains(got, `\x1b[31mUser`) || strings.Contains(got, "\x1b") {
		t.Errorf("spool show:\n%q", got)
	}
	if _, err := out.WaitMessages(patience(t), 1); err != nil { // the notice
		t.Error(err)
	}
	p.stop()
}

// TestStopsReading meets a provider that reads no further in the middle of a
// body: the write has its deadline, and the mail goes another way.
func TestStopsReading(t *testing.T) {
	first, second := startProvider(t, upstreamtest.Options{}), startProvider(t, upstreamtest.Options{})
	first.On(upstreamtest.Body, upstreamtest.Times(1, upstreamtest.Stall().After(1<<16)))
	n := newNode(t, settings{}, upstreamBlock("first", first.Addr(), `command_timeout = "1s"`), upstreamBlock("second", second.Addr(), ""))
	p := n.start()
	m := letter()
	m.body = append(m.body, bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 20<<20/72)...)
	checkOutcome(t, p, p.post(m), failsOver)
	first.Release()
	p.stop()
}
