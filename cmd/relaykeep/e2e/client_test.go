package e2e

import (
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

// sessionTime bounds a session, so that no test hangs.
const sessionTime = 5 * time.Minute

// client speaks SMTP to a daemon, one command at a time.
type client struct{ *textproto.Conn }

// mail is one message to send.
type mail struct {
	from   string
	to     []string
	params string // of MAIL, with the blank before
	body   []byte // lines end with CRLF; a final one does, too, unless it goes in chunks
}

// dial connects and says EHLO.
func dial(addr string) (*client, error) { return dialOn("tcp", addr) }

func dialOn(network, addr string) (*client, error) {
	conn, err := net.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(sessionTime))
	c := &client{textproto.NewConn(conn)}
	if _, _, err := c.ReadResponse(220); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.do(250, "EHLO client.test"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// do says a command and wants a reply code; an error of another one is a
// *textproto.Error.
func (c *client) do(code int, format string, args ...any) error {
	_, err := c.ask(code, format, args...)
	return err
}

func (c *client) ask(code int, format string, args ...any) (string, error) {
	if err := c.PrintfLine(format, args...); err != nil {
		return "", err
	}
	_, text, err := c.ReadResponse(code)
	return text, err
}

// send sends one message, and gives the id under which it was queued.
func (c *client) send(m mail) (relay.ID, error) {
	if err := c.envelope(m); err != nil {
		return "", err
	}
	if _, err := c.W.Write(stuffed(m.body)); err != nil {
		return "", err
	}
	return c.dot()
}

// sendChunks sends one message by BDAT (RFC 3030), in two chunks.
func (c *client) sendChunks(m mail) (relay.ID, error) {
	if err := c.addresses(m); err != nil {
		return "", err
	}
	half := len(m.body) / 2
	for _, chunk := range []string{
		fmt.Sprintf("BDAT %d\r\n%s", half, m.body[:half]),
		fmt.Sprintf("BDAT %d LAST\r\n%s", len(m.body)-half, m.body[half:]),
	} {
		if _, err := c.W.WriteString(chunk); err != nil {
			return "", err
		}
	}
	if err := c.W.Flush(); err != nil {
		return "", err
	}
	if _, _, err := c.ReadResponse(250); err != nil {
		return "", err
	}
	_, text, err := c.ReadResponse(250)
	if err != nil {
		return "", err
	}
	return queuedAs(text)
}

// envelope goes as far as the reply to DATA.
func (c *client) envelope(m mail) error {
	if err := c.addresses(m); err != nil {
		return err
	}
	return c.do(354, "DATA")
}

func (c *client) addresses(m mail) error {
	if err := c.do(250, "MAIL FROM:<%s>%s", m.from, m.params); err != nil {
		return err
	}
	for _, to := range m.to {
		if err := c.do(250, "RCPT TO:<%s>", to); err != nil {
			return err
		}
	}
	return nil
}

// dot ends the body and reads the id.
func (c *client) dot() (relay.ID, error) {
	text, err := c.ask(250, ".")
	if err != nil {
		return "", err
	}
	return queuedAs(text)
}

// queuedAs is the id in the reply to a message.
func queuedAs(text string) (relay.ID, error) {
	_, id, ok := strings.Cut(text, "Ok: queued as ")
	if !ok || len(id) != 26 {
		return "", fmt.Errorf("the reply %q holds no id", text)
	}
	return relay.ID(id), nil
}

// stuffed doubles the dots at the beginning of lines (RFC 5321 4.5.2).
func stuffed(body []byte) []byte {
	s := strings.ReplaceAll("\r\n"+string(body), "\r\n.", "\r\n..")
	return []byte(s[2:])
}

// post sends one message on a connection of its own, and must succeed.
func (p *process) post(m mail) relay.ID {
	p.t.Helper()
	id, err := p.tryPost(m)
	if err != nil {
		p.t.Fatalf("a message was not accepted: %v", err)
	}
	return id
}

// tryPost sends one message on a connection of its own.
func (p *process) tryPost(m mail) (relay.ID, error) {
	c, err := dial(p.addr())
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.send(m)
}

// letter is a small message to these recipients.
func letter(to ...string) mail {
	if len(to) == 0 {
		to = []string{"rcpt@example.com"}
	}
	return mail{
		from: "sender@example.org", to: to,
		body: []byte("Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nFrom: <sender@example.org>\r\nMessage-ID: <letter@example.org>\r\nSubject: a letter\r\n\r\nHello.\r\n.\r\n..two\r\n"),
	}
}

// code is the reply code that err tells, 0 if there was none.
func code(err error) int {
	if e, ok := err.(*textproto.Error); ok {
		return e.Code
	}
	return 0
}

// wantCode checks which reply an error tells.
func wantCode(t *testing.T, what string, err error, want int) {
	t.Helper()
	if code(err) != want {
		t.Errorf("%s: got %v; want the reply code %d", what, err, want)
	}
}
