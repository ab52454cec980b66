package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Each of these answers a trap of go-smtp that the package comment's promises
// would fall into.

// A body that stalls is broken off: what comes after the time-out is no command
// and no message.
func TestTrap01TimeoutInData(t *testing.T) {
	piped(t, nil, func(w *world, d *dialogue) {
		d.want("220 ")
		d.ask("EHLO x", "250 ")
		d.envelope()
		d.ask("DATA", "354 ")
		d.say("half a body\r\n")
		d.want("421 4.4.2 Too slow")
		if _, err := io.WriteString(d, "QUIT\r\n"); err == nil {
			t.Error("the connection still takes commands")
		}
		w.none()
	})
}

// A BDAT chunk that is cut short, by FIN or inside TLS by close_notify, makes no
// message.
func TestTrap02BDATCutShort(t *testing.T) {
	w := start(t, withTLS(t))
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			d := w.greeted()
			if secure {
				d = d.startTLS(t)
			}
			d.envelope()
			d.say("BDAT 100 LAST\r\nSubject: cut\r\n\r\nshort")
			d.closeWrite(t)
			if got := d.end(); strings.HasPrefix(got, "250") {
				t.Errorf("got %q", got)
			}
		})
	}
	w.none()
}

// A BDAT transfer that is given up leaves nothing behind: go-smtp would give its
// late outcome to the next one.
func TestTrap03BDATGivenUp(t *testing.T) {
	w := start(t, func(o *Options, _ *Deps, _ *recorder) { o.MaxMessageSize = 100 })
	half := strings.Repeat("x", 60)
	for name, giveUp := range map[string]func(*dialogue){
		"RSET":      func(d *dialogue) { d.ask("RSET", "250 ") },
		"EHLO":      func(d *dialogue) { d.ask("EHLO x", "250 ") },
		"size":      func(d *dialogue) { d.chunk(half, "", "552 5.3.4") },
		"last size": func(d *dialogue) { d.chunk(half, " LAST", "552 5.3.4") },
	} {
		before := len(w.spool.all())
		d := w.greeted()
		d.envelope()
		d.chunk(half, "", "250 ")
		giveUp(d)
		d.send("A: b\r\n\r\nwhole\r\n", queuedPrefix)
		d.envelope()
		d.say("BDAT 5 LAST\r\nwrong")
		d.want("421 4.3.0")
		d.end()
		all := w.spool.all()
		if len(all) != before+1 || content(t, all[before]) != "A: b\r\n\r\nwhole\r\n" {
			t.Errorf("%s: %+v", name, all[before:])
		}
	}
}

// A transfer in several chunks is one message.
func TestBDAT(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	for _, lines := range []string{"three\n", "three\r\n"} {
		d.envelope()
		d.chunk("A: b\r\n\r\ntwo\r", "", "250 ")
		d.chunk("", "", "250 ")
		d.chunk("\n.\r\n", "", "250 ")
		d.chunk(lines, " LAST", queuedPrefix)
	}
	for _, m := range w.spool.all() {
		if got := content(t, m); got != "A: b\r\n\r\ntwo\r\n.\r\nthree\r\n" {
			t.Errorf("got %q", got)
		}
	}
}

// Only CRLF.CRLF ends DATA, wherever the packets are cut; CRCRLF.CRLF is one.
func TestTrap04EndOfData(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	if got := d.send("A: b\r\n\r\na\n.\nb\n.\r\nc\r.\rd\r\n.\re\r\r\n", queuedPrefix); got == "" {
		t.Fatal("no reply")
	}
	want := "A: b\r\n\r\na\r\n.\r\nb\r\n.\r\nc\r\n.\r\nd\r\n\r\ne\r\n"
	if got := content(t, w.one()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	d.ask("QUIT", "221 ")
}

// A slow sender passes, a slower one does not.
func TestTrap05SlowBody(t *testing.T) {
	piped(t, nil, func(w *world, d *dialogue) {
		d.want("220 ")
		d.ask("EHLO x", "250 ")
		d.envelope()
		d.ask("DATA", "354 ")
		line := strings.Repeat("x", 10*slowRate) + "\r\n"
		for range 200 { // half an hour in all
			d.say(line)
			<-time.After(9 * time.Second)
		}
		d.ask("\r\n.", queuedPrefix)
		w.one()

		d.envelope()
		d.ask("DATA", "354 ")
		begin := time.Now()
		for {
			if _, err := io.WriteString(d, "x"); err != nil {
				break
			}
			<-time.After(10 * time.Second)
		}
		if took := time.Since(begin); took > slowGrace+writeTimeout+20*time.Second { // nobody reads the reply
			t.Errorf("one byte in ten seconds was borne for %v", took)
		}
		w.one()
	})
}

// Lines of a body have no bound, lines of commands do.
func TestTrap06LineLength(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	long := strings.Repeat("x", 1<<20)
	d.send("A: b\r\n\r\n"+long+"\r\n", queuedPrefix)
	if got := content(t, w.one()); got != "A: b\r\n\r\n"+long+"\r\n" {
		t.Errorf("%d bytes came", len(got))
	}
	d.ask("NOOP "+strings.Repeat("x", maxLine-100), "250 ")
	go io.WriteString(d.Conn, strings.Repeat("x", 10<<20))
	d.want("500 5.5.2 Line too long")
	d.end()
}

// A message of exactly the limit passes, one byte more does not, and one that
// never ends is not read for ever.
func TestTrap07ExactSize(t *testing.T) {
	const limit = 1000
	w := start(t, func(o *Options, _ *Deps, _ *recorder) { o.MaxMessageSize = limit })
	d := w.greeted()
	text := "A: b\r\n\r\n" + strings.Repeat("x", limit-10) + "\r\n"
	d.send(text, queuedPrefix)
	if got := content(t, w.one()); got != text {
		t.Errorf("%d bytes came, want %d", len(got), len(text))
	}
	d.send("x"+text, "552 5.3.4")
	d.envelope()
	d.chunk(text, " LAST", queuedPrefix)
	d.envelope()
	d.chunk("x"+text, " LAST", "552 5.3.4")
	d.ask("MAIL FROM:<a@b> SIZE=1001", "552 5.3.4")
	d.ask("MAIL FROM:<a@b> SIZE=1000", "250 ")
	d.ask("RCPT TO:<a@b>", "250 ")
	d.ask("DATA", "354 ")
	go io.WriteString(d.Conn, strings.Repeat("x", 1<<20))
	d.want("552 5.3.4")
	d.end()
}

// Shutdown tells idle clients and closes at once; a body under way may end.
func TestTrap08Shutdown(t *testing.T) {
	w := start(t, nil)
	idle, rcpt, data := w.greeted(), w.greeted(), w.greeted()
	rcpt.envelope()
	data.envelope()
	data.ask("DATA", "354 ")
	ended := make(chan error)
	go func() { ended <- w.srv.Shutdown(context.Background()) }()
	idle.want("421 4.3.2")
	idle.end()
	rcpt.want("421 4.3.2")
	rcpt.end()
	data.say("A: b\r\n\r\nlate\r\n")
	data.ask(".", queuedPrefix)
	data.want("421 4.3.2")
	data.end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.one()
	if c, err := net.Dial("tcp", w.srv.Addrs("test")[0].String()); err == nil {
		c.Close()
		t.Error("somebody still listens")
	}
}

// When the time for the drain is over, bodies are broken off.
func TestTrap08ShutdownBreaksOff(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.envelope()
	d.ask("DATA", "354 ")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.srv.Shutdown(ctx); err == nil {
		t.Error("nobody was broken off")
	}
	d.end()
	w.none()
}

// A second MAIL changes nothing.
func TestTrap09SecondMail(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.envelope()
	d.ask("MAIL FROM:<evil@from.example>", "503 5.5.1")
	d.ask("DATA", "354 ")
	d.ask("A: b\r\n\r\nx\r\n.", queuedPrefix)
	if m := w.one(); m.m.From != "a@from.example" || len(m.to) != 1 {
		t.Errorf("got %+v", m)
	}
	d.ask("MAIL FROM:<evil@from.example>", "250 ")
}

// A quoted local part stays quoted, and what would break out is refused.
func TestTrap10Addresses(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	refused := []string{
		"MAIL FROM:<a@b\x00>", "MAIL FROM:<\"a\x01\"@b>", "MAIL FROM:<a@b\r>", "MAIL FROM:<\xff@b>", "MAIL FROM:<a@b>\x7f",
		"MAIL FROM:<a@b..c>", "MAIL FROM:<\u00fc@b>", "MAIL FROM:<a@>", "MAIL FROM:<a>", "MAIL FROM:<a@b@c>x",
		"MAIL FROM:<" + strings.Repeat("a", 65) + "@b>",
	}
	for _, line := range refused {
		d.ask(line, "5")
	}
	d.ask(`MAIL FROM:<"v@evil.com> NOTIFY=NEVER X"@ok.com>`, "250 ")
	d.ask("RCPT TO:<postmaster>", "501 ")
	d.ask("RCPT TO:<>", "501 ")
	d.ask(`RCPT TO:<"x> NOTIFY=NEVER"@ok.com>`, "250 ")
	d.ask("RCPT TO:<@a,@b:user%host!x@ok.com>", "250 ")
	d.ask("RCPT TO:<a@[127.0.0.1]>", "250 ")
	d.ask("DATA", "354 ")
	d.ask("A: b\r\n\r\nx\r\n.", queuedPrefix)
	m := w.one()
	got := []string{m.m.From, m.to[0].Address, m.to[1].Address, m.to[2].Address}
	want := []string{`"v@evil.com> NOTIFY=NEVER X"@ok.com`, `"x> NOTIFY=NEVER"@ok.com`, "user%host!x@ok.com", "a@[127.0.0.1]"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Refused commands of every kind count, and end the session.
func TestTrap11ErrorsCount(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.ask("MAIL FROM:<a@b>", "250 ")
	for range maxErrors + 1 {
		d.ask("RCPT TO:<x@nowhere.example>", "550 5.1.2")
	}
	d.want("421 4.7.0 Too many errors")
	d.end()
}

// Three failed logins end the session.
func TestTrap11FailedLogins(t *testing.T) {
	piped(t, withUsers(t, "joe:secret"), func(w *world, d *dialogue) {
		d.want("220 ")
		d.ask("EHLO x", "250 ")
		for range maxFailedLogins - 1 {
			d.ask("AUTH PLAIN "+plain("joe", "wrong"), "535 5.7.8")
		}
		d.ask("AUTH PLAIN "+plain("joe", "wrong"), "421 4.7.0")
		d.end()
	})
}

// A STARTTLS whose handshake fails ends the connection: nothing goes on in
// clear. Nor is anything executed that came behind STARTTLS.
func TestTrap12FailedHandshake(t *testing.T) {
	w := start(t, withTLS(t))
	d := w.greeted()
	d.ask("STARTTLS", "220 ")
	d.say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
	if got := d.end(); strings.Contains(got, "250") {
		t.Errorf("got %q", got)
	}
	d = w.greeted()
	d.say("STARTTLS\r\nMAIL FROM:<a@b>\r\n")
	d.want("503 5.5.1")
	d.end()
}

// Every error has one reply, and none shows what is inside.
func TestTrap13Replies(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{fmt.Errorf("accept: %w", spool.ErrFull), "452 4.3.1"},
		{spool.ErrFailed, "451 4.3.0"},
		{errors.New("/var/lib/secret: broken"), "451 4.3.0"},
		{fmt.Errorf("x: %w", replyLoop), "554 5.4.6"},
		{context.Canceled, "421 4.3.2"},
		{context.DeadlineExceeded, "451 4.3.0"},
		{errSlowSpool{context.Canceled}, "451 4.3.0"},
		{fmt.Errorf("x: %w", errBroken), "421 4.4.2"},
		{smtp.ErrDataReset, "421 4.4.2"},
		{errTooLarge, "552 5.3.4"},
	}
	for _, tt := range tests {
		got := line(toReply(tt.err))
		if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "secret") {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
	w := start(t, func(_ *Options, _ *Deps, r *recorder) { r.err = errors.New("/var/lib/secret: broken") })
	d := w.greeted()
	if got := d.send("A: b\r\n\r\nx\r\n", "451 4.3.0"); strings.Contains(got, "secret") {
		t.Errorf("got %q", got)
	}
}

// The text of success is ours.
func TestTrap14QueuedText(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	if got, want := d.send("A: b\r\n\r\nx\r\n", "250 "), "250 2.0.0 Ok: queued as "+string(w.one().m.ID)+"\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Without a login the reply is 530, and REQUIRETLS, MT-PRIORITY, DELIVERBY and
// BINARYMIME are neither offered nor taken.
func TestTrap15AuthRequired(t *testing.T) {
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		withUsers(t, "joe:secret")(o, d, r)
		o.Auth.Required = true
	})
	d := w.dial()
	d.want("220 ")
	caps := d.ask("EHLO x", "250 ")
	for _, no := range []string{"REQUIRETLS", "MT-PRIORITY", "DELIVERBY", "BINARYMIME", "STARTTLS"} {
		if strings.Contains(caps, no) {
			t.Errorf("%s is offered: %q", no, caps)
		}
	}
	for _, yes := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "SIZE 52428800", "AUTH PLAIN LOGIN"} {
		if !strings.Contains(caps, yes) {
			t.Errorf("%s is not offered: %q", yes, caps)
		}
	}
	d.ask("MAIL FROM:<a@b>", "530 5.7.0")
	d.ask("AUTH PLAIN "+plain("joe", "secret"), "235 ")
	d.ask("MAIL FROM:<a@b> REQUIRETLS", "504 ")
	d.ask("MAIL FROM:<a@b> BODY=BINARYMIME", "504 ")
	d.ask("MAIL FROM:<a@b>", "250 ")
	d.ask("RCPT TO:<a@b> MT-PRIORITY=3", "504 ")
	d.ask("RCPT TO:<a@b> BY=3;R", "504 ")
}

// Connections are bounded before the greeting, in all and by client, and places
// come free again.
func TestTrap16Doors(t *testing.T) {
	w := start(t, func(o *Options, _ *Deps, _ *recorder) { o.MaxConnections, o.MaxConnectionsPerClient = 3, 2 })
	one, two := w.greeted(), w.greeted()
	three := w.dial()
	three.want("421 4.7.0")
	three.end()
	one.ask("QUIT", "221 ")
	one.end()
	w.settled(1)
	four := w.greeted()
	four.ask("NOOP", "250 ")
	two.ask("NOOP", "250 ")

	w = start(t, func(o *Options, _ *Deps, _ *recorder) { o.MaxConnections = 1 })
	w.greeted()
	d := w.dial()
	d.want("421 4.3.2")
	d.end()

	w = start(t, func(o *Options, _ *Deps, _ *recorder) { o.Allow = prefixes("192.0.2.0/24") })
	d = w.dial()
	d.want("554 5.7.1")
	d.end()
	if e := w.sink.of(relay.EventRejected); len(e) != 1 || e[0].Verdict.Code != 554 {
		t.Errorf("events: %+v", e)
	}
}

// Implicit TLS greets inside TLS.
func TestTrap16ImplicitTLS(t *testing.T) {
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		withTLS(t)(o, d, r)
		o.TLS.Implicit = true
	})
	d := w.dial()
	d.overTLS(t)
	d.want("220 relay.example")
	if caps := d.ask("EHLO x", "250 "); strings.Contains(caps, "STARTTLS") {
		t.Errorf("got %q", caps)
	}
	d.send("A: b\r\n\r\nx\r\n", queuedPrefix)
	if m := w.one(); !strings.Contains(m.body, "with ESMTPS (TLS 1.3 ") {
		t.Errorf("got %.300q", m.body)
	}
}

// piped runs a dialogue over net.Pipe with its own clock.
func piped(t *testing.T, change func(*Options, *Deps, *recorder), run func(*world, *dialogue)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := start(t, func(o *Options, d *Deps, r *recorder) {
			if change != nil {
				change(o, d, r)
			}
			o.Addresses = nil
		})
		client, server := net.Pipe()
		w.srv.lns[0].admit(server)
		defer client.Close()
		run(w, newDialogue(t, client))
	})
}

// startTLS upgrades the connection and says EHLO again.
func (d *dialogue) startTLS(t *testing.T) *dialogue {
	t.Helper()
	d.ask("STARTTLS", "220 ")
	d.overTLS(t)
	d.ask("EHLO secure.example", "250 ")
	return d
}

func (d *dialogue) overTLS(t *testing.T) {
	t.Helper()
	c := tls.Client(d.Conn, &tls.Config{InsecureSkipVerify: true})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	*d = *newDialogue(t, c)
}

// closeWrite ends what we send: FIN, or close_notify.
func (d *dialogue) closeWrite(t *testing.T) {
	t.Helper()
	if err := d.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}
