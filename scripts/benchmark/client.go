package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// client is a connection to a relay, as a plain program has one: it waits for
// each answer.
type client struct {
	conn net.Conn
	text *textproto.Conn
}

// dial connects and says EHLO, over TLS where a is not nil.
func dial(ctx context.Context, port int, a *authority) (*client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, text: textproto.NewConn(conn)}
	if err := c.greet(a); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) greet(a *authority) error {
	if _, _, err := c.text.ReadResponse(220); err != nil {
		return err
	}
	if err := c.say(250, "EHLO load.example.com"); err != nil || a == nil {
		return err
	}
	if err := c.say(220, "STARTTLS"); err != nil {
		return err
	}
	c.conn = tls.Client(c.conn, &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"})
	c.text = textproto.NewConn(c.conn)
	return c.say(250, "EHLO load.example.com")
}

func (c *client) say(code int, line string) error {
	if err := c.text.PrintfLine("%s", line); err != nil {
		return err
	}
	_, _, err := c.text.ReadResponse(code)
	return err
}

// send sends one message and returns when it was accepted.
func (c *client) send(body []byte) error { return c.sendTo("someone@example.org", body) }

func (c *client) sendTo(to string, body []byte) error {
	for _, step := range []struct {
		code int
		line string
	}{{250, "MAIL FROM:<app@example.com>"}, {250, "RCPT TO:<" + to + ">"}, {354, "DATA"}} {
		if err := c.say(step.code, step.line); err != nil {
			return err
		}
	}
	if _, err := c.text.W.Write(body); err != nil {
		return err
	}
	return c.say(250, ".")
}

func (c *client) close() {
	_ = c.say(221, "QUIT")
	_ = c.conn.Close()
}

// mailOf makes a message of about this size, in lines, that needs no dot
// stuffing.
func mailOf(size int) []byte {
	var b strings.Builder
	w := bufio.NewWriter(&b)
	fmt.Fprintf(w, "From: app@example.com\r\nTo: someone@example.org\r\nDate: %s\r\nMessage-ID: <1@example.com>\r\nSubject: load\r\n\r\n",
		time.Now().Format(time.RFC1123Z))
	for n := 0; n < size; n += 72 {
		w.WriteString("0123456789012345678901234567890123456789012345678901234567890123456789\r\n")
	}
	_ = w.Flush() // a Builder takes everything
	return []byte(b.String())
}

// sendIn is a load like that of smtp-source, over TLS where a is not nil.
func sendIn(a *authority) func(context.Context, scenario, int) error {
	return func(ctx context.Context, s scenario, port int) error {
		body := mailOf(s.size)
		var sent atomic.Int64
		g, ctx := errgroup.WithContext(ctx)
		for range s.sessions {
			g.Go(func() error { return sendSome(ctx, s, port, a, body, &sent) })
		}
		return g.Wait()
	}
}

// sendSome sends in one session at a time until all together have sent enough.
func sendSome(ctx context.Context, s scenario, port int, a *authority, body []byte, sent *atomic.Int64) error {
	var c *client
	for ctx.Err() == nil && sent.Add(1) <= int64(s.messages) {
		if c == nil {
			var err error
			if c, err = dial(ctx, port, a); err != nil {
				return err
			}
		}
		if err := c.send(body); err != nil {
			return err
		}
		if !s.kept {
			c.close()
			c = nil
		}
	}
	if c != nil {
		c.close()
	}
	return ctx.Err()
}
