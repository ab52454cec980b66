package ingress

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/bcrypt"

	"relaykeep/relay"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestAuth(t *testing.T) {
	w := start(t, withUsers(t, "joe:secret", "app:key:*@app.example,<>"))
	tests := []struct {
		name  string
		lines [][2]string // said, wanted
	}{
		{"PLAIN at once", [][2]string{{"AUTH PLAIN " + plain("joe", "secret"), "235 "}}},
		{"PLAIN asked", [][2]string{{"AUTH PLAIN", "334 "}, {plain("joe", "secret"), "235 "}}},
		{"PLAIN as oneself", [][2]string{{"AUTH PLAIN " + b64("joe\x00joe\x00secret"), "235 "}}},
		{"LOGIN", [][2]string{{"AUTH LOGIN", "334 " + b64("Username:")}, {b64("joe"), "334 " + b64("Password:")}, {b64("secret"), "235 "}}},
		{"LOGIN with a name", [][2]string{{"AUTH LOGIN " + b64("joe"), "334 " + b64("Password:")}, {b64("secret"), "235 "}}},
		{"twice", [][2]string{{"AUTH PLAIN " + plain("joe", "secret"), "235 "}, {"AUTH PLAIN " + plain("joe", "secret"), "503 "}}},
		{"given up", [][2]string{{"AUTH LOGIN", "334 "}, {"*", "501 "}, {"NOOP", "250 "}}},
		{"malformed", [][2]string{{"AUTH PLAIN " + b64("joe"), "501 5.5.2"}, {"AUTH PLAIN ???", "454 "}}},
		{"unknown mechanism", [][2]string{{"AUTH CRAM-MD5", "504 "}}},
		{"in a transaction", [][2]string{{"MAIL FROM:<a@b>", "250 "}, {"AUTH PLAIN " + plain("joe", "secret"), "503 5.5.1"}}},
		{"a response that looks like a command", [][2]string{{"AUTH LOGIN", "334 "}, {"STARTTLS", "334 "}, {"*", "501 "}, {"NOOP", "250 "}}},
		{"own senders", [][2]string{
			{"AUTH PLAIN " + plain("app", "key"), "235 "}, {"MAIL FROM:<x@other.example>", "550 5.7.1"},
			{"MAIL FROM:<X@App.example>", "250 "}, {"RSET", "250 "}, {"MAIL FROM:<>", "250 "},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := w.greeted()
			d.t = t
			for _, l := range tt.lines {
				d.ask(l[0], l[1])
			}
		})
	}
	d := w.greeted()
	d.ask("AUTH PLAIN "+plain("joe", "secret"), "235 ")
	d.send("A: b\r\n\r\nx\r\n", queuedPrefix)
	if m := w.one(); m.m.User != "joe" || !strings.Contains(m.body, "with ESMTPA\r\n") {
		t.Errorf("got %+v", m.m)
	}
}

// Guessing slows down, by itself and for the name; who has logged in before may
// go on.
func TestGuessing(t *testing.T) {
	piped(t, withUsers(t, "joe:secret"), func(w *world, d *dialogue) {
		g := w.srv.lns[0].guard
		c := client{netip.MustParseAddr("192.0.2.1")}
		other := client{netip.MustParseAddr("192.0.2.2")}
		ctx := context.Background()
		if u, r := g.login(ctx, c, "joe", "secret"); r != nil || u.name != "joe" {
			t.Fatal(r)
		}
		for range freeFailures + 3 {
			if _, r := g.login(ctx, other, "joe", "guess"); r != replyAuthFailed && r != replyAuthLater {
				t.Error(r)
			}
		}
		for _, name := range []string{"joe", "jane"} { // blocked by its address, whatever the name
			if _, r := g.login(ctx, other, name, "guess"); r != replyAuthLater {
				t.Error(r)
			}
		}
		if _, r := g.login(ctx, c, "joe", "guess"); r != replyAuthLater {
			t.Error(r)
		}
		if _, r := g.login(ctx, c, "joe", "secret"); r != nil {
			t.Error(r)
		}
		<-time.After(lastBlock)
		if _, r := g.login(ctx, other, "joe", "secret"); r != nil {
			t.Error(r)
		}
	})
}

// No more than two hashes are computed at once, and nobody waits for ever.
func TestVerifyingIsBounded(t *testing.T) {
	piped(t, withUsers(t, "joe:secret"), func(w *world, d *dialogue) {
		g := w.srv.lns[0].guard
		for range maxVerifying {
			g.busy <- struct{}{}
		}
		begin := time.Now()
		if _, r := g.login(context.Background(), client{}, "joe", "secret"); r != replyAuthBusy || time.Since(begin) != verifyWait {
			t.Errorf("%v after %v", r, time.Since(begin))
		}
	})
}

func TestBlock(t *testing.T) {
	for n, want := range map[int]time.Duration{
		0: 0, freeFailures: 0, freeFailures + 1: firstBlock, freeFailures + 2: 2 * firstBlock, freeFailures + 100: lastBlock,
	} {
		if got := block(n); got != want {
			t.Errorf("after %d: got %v, want %v", n, got, want)
		}
	}
	var f failures
	now := time.Unix(0, 0)
	for i := range 10 * maxRemember {
		f.failed([]string{"user " + string(rune(i))}, now)
	}
	if len(f.by) > maxRemember+1 {
		t.Errorf("%d are remembered", len(f.by))
	}
}

// Passwords do not cross a network in clear.
func TestMayAuth(t *testing.T) {
	tests := []struct {
		client string
		tls    bool
		want   bool
	}{
		{"127.0.0.1", false, true},
		{"::1", false, true},
		{"", false, true},
		{"192.0.2.1", false, false},
		{"192.0.2.1", true, true},
		{"198.51.100.1", false, true},
	}
	for _, tt := range tests {
		ln := &listener{opts: Options{Auth: &AuthOptions{AllowPlaintextFrom: prefixes("198.51.100.0/24")}}}
		l := &link{ln: ln}
		if tt.client != "" {
			l.client.addr = netip.MustParseAddr(tt.client)
		}
		s := &session{ln: ln, wire: &conn{link: l}}
		if tt.tls {
			s.wire.tls = newTLSConn()
		}
		if got := s.mayAuth(); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}

func TestExempt(t *testing.T) {
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		withUsers(t, "joe:secret")(o, d, r)
		o.Auth.Required, o.Auth.Exempt = true, prefixes("127.0.0.0/8")
	})
	d := w.greeted()
	d.send("A: b\r\n\r\nx\r\n", queuedPrefix)
}

func TestRequiredTLS(t *testing.T) {
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		withTLS(t)(o, d, r)
		withUsers(t, "joe:secret")(o, d, r)
		o.TLS.Required = true
	})
	d := w.dial()
	d.want("220 ")
	if caps := d.ask("EHLO x", "250 "); !strings.Contains(caps, "STARTTLS") || strings.Contains(caps, "AUTH") {
		t.Errorf("offered: %q", caps)
	}
	d.ask("AUTH PLAIN "+plain("joe", "secret"), "530 5.7.0")
	d.ask("MAIL FROM:<a@b>", "530 5.7.0")
	d.ask("STARTTLS", "220 ")
	d.overTLS(t)
	d.ask("MAIL FROM:<a@b>", "502 ") // what was said in clear is forgotten, the greeting too
	if caps := d.ask("EHLO x", "250 "); strings.Contains(caps, "STARTTLS") || !strings.Contains(caps, "AUTH PLAIN LOGIN") {
		t.Errorf("offered: %q", caps)
	}
	d.ask("AUTH PLAIN "+plain("joe", "secret"), "235 ")
	d.send("A: b\r\n\r\nx\r\n", queuedPrefix)
	if m := w.one(); !strings.Contains(m.body, "with ESMTPSA (TLS 1.3 ") {
		t.Errorf("got %.300q", m.body)
	}
}

func TestParseUsers(t *testing.T) {
	b, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	argon, err := HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	good := "# comment\n\njoe:" + string(b) + "\r\njane:" + argon + ":*@a.example , b@c\n"
	users, err := parseUsers([]byte(good))
	if err != nil || users.Len() != 2 {
		t.Fatal(err)
	}
	for _, name := range []string{"joe", "jane"} {
		if h := users.by[name].hash; !h.verify("secret") || h.verify("wrong") || h.verify("") {
			t.Errorf("%s: the hash does not tell", name)
		}
	}
	if u := users.by["jane"]; !u.maySend("x@A.example") || !u.maySend("b@c") || u.maySend("x@c") || u.maySend("") {
		t.Errorf("senders: %q", u.senders)
	}
	bad := []struct{ line, want string }{
		{"joe", "want name:hash"},
		{":" + string(b), "the name is empty"},
		{"joe:secret", "unknown hash"},
		{"joe:$2a$04$short", "malformed bcrypt"},
		{"joe:" + strings.Replace(string(b), "$04$", "$31$", 1), "bcrypt cost"},
		{"joe:" + strings.Replace(argon, "m=19456", "m=4294967295", 1), "argon2id parameters"},
		{"joe:" + strings.Replace(argon, "m=19456", "m=99999999999", 1), "malformed argon2id"},
		{"joe:" + strings.Replace(argon, "t=2", "t=1000", 1), "argon2id parameters"},
		{"joe:" + strings.Replace(argon, "t=2", "t=0", 1), "malformed argon2id"},
		{"joe:" + strings.Replace(argon, "p=1", "p=255", 1), "argon2id parameters"},
		{"joe:" + strings.Replace(argon, "p=1", "p=1x", 1), "malformed argon2id"},
		{"joe:" + strings.Replace(argon, "v=19", "v=16", 1), "version"},
		{"joe:" + argon[:len(argon)-30], "malformed argon2id"},
		{"joe:" + argon + ":,", "the list of senders is empty"},
		{"j\x01oe:" + argon, "control character"},
		{"joe:" + argon + "\njoe:" + argon, "line 2: this user stands there twice"},
	}
	for _, tt := range bad {
		_, err := parseUsers([]byte(tt.line))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.line, err, tt.want)
			continue
		}
		if parts := strings.Split(tt.line, "$"); strings.Contains(err.Error(), parts[len(parts)-1]) && len(parts) > 1 {
			t.Errorf("%q shows the hash: %v", tt.line, err)
		}
	}
	if _, err := parseUsers([]byte("a\n# b\nc\n")); err == nil || !strings.Contains(err.Error(), "line 1: ") || !strings.Contains(err.Error(), "line 3: ") {
		t.Errorf("got %v", err)
	}
	if err := CheckUsers(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A changed file is read again; one with faults leaves the old users.
func TestUsersReadAgain(t *testing.T) {
	path := usersFile(t, "joe:secret")
	g, err := newGuard(path, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	change := func(text string) {
		t.Helper()
		now = now.Add(time.Hour)
		writeFile(t, path, text)
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
	}
	change("joe:broken\n")
	if _, ok := g.find("joe", now); !ok {
		t.Error("a broken file took the users away")
	}
	b, err := os.ReadFile(usersFile(t, "jane:secret"))
	if err != nil {
		t.Fatal(err)
	}
	change(string(b))
	if _, ok := g.find("jane", now); !ok {
		t.Error("the new file is not used")
	}
	if u, ok := g.find("joe", now); ok || u == nil {
		t.Error("the old file is still used")
	}
}

// No event of a login holds what was tried.
func TestNoSecretInEvents(t *testing.T) {
	piped(t, withUsers(t, "joe:secret"), func(w *world, d *dialogue) {
		d.want("220 ")
		d.ask("EHLO x", "250 ")
		d.ask("AUTH PLAIN "+plain("hunter2", "hunter2"), "535 ")
		e := w.sink.of(relay.EventRejected)
		if len(e) != 1 || e[0].Verdict.Stage != relay.StageAuth || e[0].Verdict.Code != 535 || e[0].User != "" {
			t.Errorf("got %+v", e)
		}
	})
}

func FuzzParseUsers(f *testing.F) {
	f.Add("joe:$2y$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234:*@a")
	f.Add("joe:$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$a2V5a2V5a2V5a2V5a2V5a2V5")
	f.Add("# x\n\na:b:c\n")
	f.Fuzz(func(t *testing.T, text string) {
		users, err := parseUsers([]byte(text))
		if (users == nil) == (err == nil) {
			t.Fatal("want users or an error")
		}
		if err != nil {
			return
		}
		for _, u := range users.by {
			if u.hash.memory > maxArgonMemory || u.hash.time > maxArgonTime || u.hash.threads > maxArgonThreads {
				t.Fatalf("%q costs too much", text)
			}
		}
	})
}
