package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"relaykeep/relay/message"
)

// relaySession lets a program speak SMTP with the daemon.
func (a *app) relaySession(ctx context.Context, doors []door, host string) error {
	s, err := connect(ctx, doors, host)
	if err != nil {
		fmt.Fprint(a.out, "421 4.3.2 The mail server is not running; try again later\r\n")
		return err
	}
	defer s.Close()
	if _, err := fmt.Fprintf(a.out, "220 %s\r\n", s.greeting); err != nil {
		return err
	}
	s.conn.limit = 0 // the daemon knows how long it waits
	go func() {
		// An error shows at the other end of the conversation.
		_, _ = io.Copy(s.conn, wireLines(a.in))
		_ = s.conn.CloseWrite()
	}()
	_, err = io.Copy(a.out, s.R)
	return err
}

// wireLines gives what a client of SMTP says. One that ends its first line with
// LF alone means LF as a line end throughout, and is translated. From any other
// no byte may be changed: an LF within its mail is no line end, and would be
// made into one, and a lone dot after it into the end of the mail.
func wireLines(in io.Reader) io.Reader {
	lines := bufio.NewReader(in)
	first, _ := lines.ReadSlice('\n') // an error comes again
	whole := io.MultiReader(bytes.NewReader(bytes.Clone(first)), lines)
	if !bytes.HasSuffix(first, []byte("\n")) || bytes.HasSuffix(first, []byte("\r\n")) {
		return whole
	}
	return &message.Newlines{Source: whole}
}
