package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"relaykeep/spool"
	"relaykeep/spool/durable"
)

// spoolExportCmd is the command spool export.
type spoolExportCmd struct {
	socketFlag
	ID  string `arg:"" name:"id" help:"The id, as in \"queued as ID\"."`
	Out string `placeholder:"FILE" help:"Write it to this new file (default: standard output)."`
}

// Run gives a message out as it is stored: RFC 5322, lines end with CRLF.
func (c *spoolExportCmd) Run(ctx context.Context, a *app, g *grammar) error {
	id, err := spool.ParseID(c.ID)
	if err != nil {
		return usageError(err.Error())
	}
	q, err := a.openQueue(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer q.Close()
	body, err := q.Raw(ctx, id)
	if err != nil {
		return err
	}
	defer body.Close()
	if c.Out == "" {
		return printBody(a.out, body)
	}
	n, err := writeNew(c.Out, body)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s, %s\n", c.Out, size(n))
	return nil
}

// writeNew writes a new file, whole or not at all.
func writeNew(path string, content io.Reader) (n int64, err error) {
	f, err := durable.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Discard()) }()
	if n, err = io.Copy(f, content); err != nil {
		return 0, err
	}
	return n, f.Commit()
}
