package e2e

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"

	"relaykeep/upstream/upstreamtest"
)

// decoded is a message as a receiver decodes it.
func decoded(t *testing.T, m []byte) (header gomessage.Header, content string) {
	t.Helper()
	e, err := gomessage.Read(bytes.NewReader(m))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	return e.Header, string(b)
}

// TestRepairedOnTheWay sends what servers refuse and looks at what arrives: each
// provider gets what it takes, and the same content.
func TestRepairedOnTheWay(t *testing.T) {
	t.Parallel()
	whole := "Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nFrom: <a@example.org>\r\nMessage-ID: <1@example.org>\r\n"
	long := strings.Repeat("a long line ", 200) + "ends\r\n"
	tests := []struct {
		name       string
		extensions []string
		body       string
		content    string // "": that of body
		encoding   string // of what arrives
		repaired   string
	}{
		{"nothing to do", []string{"8BITMIME"}, whole + "\r\nGrüße\r\n", "Grüße\r\n", "", ""},
		{"long lines", []string{"8BITMIME"}, whole + "\r\n" + long, long, "quoted-printable", "lines over 998 bytes, re-encoded on the way out"},
		{"8-bit", []string{"PIPELINING"}, whole + "\r\nViele Grüße aus Köln\r\n", "Viele Grüße aus Köln\r\n", "quoted-printable", ""},
		{"mostly not ASCII", []string{"PIPELINING"}, whole + "\r\n您的订单已发货\r\n", "您的订单已发货\r\n", "base64", ""},
		{"bare line ends", []string{"8BITMIME"}, strings.ReplaceAll(whole, "\r\n", "\n") + "\none\ntwo\r\n", "one\r\ntwo\r\n", "", "5 line ends made CRLF"},
		{"fields that lack", []string{"8BITMIME"}, "Subject: x\r\n\r\nHello\r\n", "Hello\r\n", "", "Date added; Message-ID added; From added"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := startProvider(t, upstreamtest.Options{Extensions: tt.extensions})
			n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
			p := n.start()
			id := p.post(mail{from: "a@example.org", to: []string{"b@example.net"}, body: []byte(tt.body)})
			got, err := out.WaitMessages(patience(t), 1)
			if err != nil {
				t.Fatal(err)
			}
			h, content := decoded(t, got[0].Body)
			if content != tt.content || h.Get("Content-Transfer-Encoding") != tt.encoding {
				t.Errorf("arrived: %q", got[0].Body)
			}
			for _, name := range []string{"Date", "From", "Message-ID"} {
				if values := h.Values(name); len(values) != 1 || values[0] == "" {
					t.Errorf("%s: %q", name, values)
				}
			}
			for line := range bytes.Lines(got[0].Body) {
				if len(line) > 1000 || !bytes.HasSuffix(line, []byte("\r\n")) {
					t.Errorf("line %q", line)
				}
			}
			wantTold(t, n, p, string(id), tt.repaired)
			p.stop()
		})
	}
}

// wantTold looks for a repair wherever it is told.
func wantTold(t *testing.T, n *node, p *process, id, repaired string) {
	t.Helper()
	accepted, ok := p.log.event(patience(t), "accepted", id)
	if !ok || accepted.text("detail") != repaired {
		t.Errorf("accepted: %v", accepted)
	}
	if events := p.log.all(func(l line) bool { return l.is("repaired", id) && l.text("detail") == repaired }); len(events) > 0 != (repaired != "") {
		t.Errorf("repaired: %v", events)
	}
	page, object := n.run("spool", "show", id), n.run("spool", "show", "--json", id)
	if strings.Contains(page.out, "\nRepaired ") != (repaired != "") || !strings.Contains(page.out, repaired) {
		t.Errorf("spool show prints\n%s", page.out)
	}
	if strings.Contains(object.out, fmt.Sprintf(`"repaired":%q`, repaired)) != (repaired != "") {
		t.Errorf("spool show --json prints\n%s", object.out)
	}
	stats := n.run("spool", "stats")
	for _, what := range strings.Split(repaired, "; ") {
		what = strings.TrimLeft(what, "0123456789 ")
		if !strings.Contains(stats.out, what) {
			t.Errorf("spool stats does not count %q:\n%s", what, stats.out)
		}
	}
}

// TestUnmendable refuses what may not be changed, at once.
func TestUnmendable(t *testing.T) {
	t.Parallel()
	n := newNode(t, settings{}, upstreamBlock("out", quietAddress(t), ""))
	p := n.start()
	long := strings.Repeat("x", 1500) + "\r\n"
	for name, body := range map[string]string{
		"signed": "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n" + long + "--b\r\n\r\nsig\r\n--b--\r\n",
		"header": "X-Long: " + long + "\r\nx\r\n",
		"huge":   strings.Repeat("X-Field: "+strings.Repeat("v", 60)+"\r\n", 1<<20/71) + "\r\nx\r\n",
	} {
		m := letter()
		m.body = []byte(body)
		_, err := p.tryPost(m)
		wantCode(t, name, err, 554)
	}
	p.stop()
	if e := n.entries(); len(e) != 0 {
		t.Errorf("%d messages are in the spool", len(e))
	}
}

// TestSentTwice sends under keys: what comes again is queued once, after a
// restart too.
func TestSentTwice(t *testing.T) {
	t.Parallel()
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{rest: `dedupe { header = "X-Relaykeep-Key" }`}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	keyed := letter()
	keyed.body = append([]byte("X-Relaykeep-Key: order-1\r\n"), keyed.body...)
	id := p.post(keyed)
	if again := p.post(keyed); again != id {
		t.Errorf("queued as %s and again as %s", id, again)
	}
	p.stop()
	p = n.start()
	c, err := dial(p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	again, err := c.sendChunks(keyed)
	if err != nil || again != id {
		t.Errorf("after a restart, in chunks: %s, %v; want %s", again, err, id)
	}
	other := keyed
	other.body = bytes.Replace(keyed.body, []byte("Hello"), []byte("Goodbye"), 1)
	changed := p.post(other)
	if changed == id {
		t.Error("another message under the key was taken for the same")
	}
	accepted, _ := p.log.event(patience(t), "accepted", string(changed))
	if !strings.Contains(accepted.text("detail"), string(id)) {
		t.Errorf("nothing tells of the key that was used before: %v", accepted)
	}
	got, err := out.WaitMessages(patience(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	p.stop()
	if len(got) != 2 || len(n.entries()) != 2 {
		t.Errorf("%d arrived, %d are in the spool; want 2", len(got), len(n.entries()))
	}
	if bytes.Contains(got[0].Body, []byte("X-Relaykeep")) {
		t.Errorf("the key went on: %q", got[0].Body)
	}
}

// TestExpireField lets mail expire by its own field while its only upstream is
// away.
func TestExpireField(t *testing.T) {
	t.Parallel()
	n := newNode(t, settings{rest: `bounce { to = "none" }`}, upstreamBlock("out", quietAddress(t), ""))
	p := n.start()
	m := letter()
	m.body = append([]byte("X-Relaykeep-Expire: 1s\r\nX-Relaykeep-Priority: low\r\n"), m.body...)
	id := p.post(m)
	if _, ok := p.log.event(patience(t), "expired", string(id)); !ok {
		t.Fatal("it did not expire")
	}
	if shown := n.run("spool", "show", "--json", string(id)); !strings.Contains(shown.out, `"priority":"low"`) {
		t.Errorf("spool show prints %s", shown.out)
	}
	p.stop()
}
