package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"relaykeep/spool"
)

// spoolShowCmd is the command spool show.
type spoolShowCmd struct {
	socketFlag
	ID      string `arg:"" name:"id" help:"The id, as in \"queued as ID\"."`
	Raw     bool   `xor:"form" help:"Print the message itself."`
	Headers bool   `xor:"form" help:"Print the header of the message."`
	JSON    bool   `name:"json" xor:"form" help:"Print JSON."`
}

// Run shows one message.
func (c *spoolShowCmd) Run(ctx context.Context, a *app, g *grammar) error {
	id, err := spool.ParseID(c.ID)
	if err != nil {
		return usageError(err.Error())
	}
	place, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return err
	}
	q, err := place.open(ctx)
	if err != nil {
		return err
	}
	defer q.Close()
	if c.Raw || c.Headers {
		body, err := q.Raw(ctx, id)
		if err != nil {
			return err
		}
		defer body.Close()
		if c.Raw {
			return printBody(a.out, body)
		}
		return printHeader(a.out, body)
	}
	m, err := q.Get(ctx, id)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, m)
	}
	p := page{width: columns(a.out), colours: a.palette(a.out), now: time.Now(), routes: routeReasons(place.config), lanes: lanesOf(ctx, q)}
	p.message(m)
	_, err = io.WriteString(a.out, p.String())
	return err
}

// printBody gives a message as it is stored; on a terminal made harmless.
func printBody(w io.Writer, body io.Reader) error {
	if columns(w) == 0 {
		_, err := io.Copy(w, body)
		return err
	}
	return printLines(w, body, false)
}

// printHeader gives the header section, up to the empty line.
func printHeader(w io.Writer, body io.Reader) error {
	return printLines(w, body, true)
}

// maxShownLine bounds what is held of a line, in bytes: a longer one is broken.
const maxShownLine = 64 << 10

// printLines writes line by line, made harmless where w is a terminal.
func printLines(w io.Writer, body io.Reader, headerOnly bool) error {
	clean := columns(w) > 0
	in, out := bufio.NewReaderSize(body, maxShownLine), bufio.NewWriter(w)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil
		}
		text := bytes.TrimRight(line, "\r\n")
		if headerOnly && len(text) == 0 {
			return out.Flush()
		}
		if clean {
			fmt.Fprintln(out, printable(string(text)))
		} else {
			out.Write(line)
		}
		switch {
		case err == io.EOF:
			return out.Flush()
		case err != nil:
			return errors.Join(err, out.Flush())
		}
	}
}
