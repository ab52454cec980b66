package main

import (
	"context"
	"fmt"

	"relaykeep/spool/bolt"
)

// spoolCompactCmd is the command spool compact.
type spoolCompactCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// compacted is what the command spool compact prints.
type compacted struct {
	Spool  string `json:"spool"`
	Before int64  `json:"before"` // bytes
	After  int64  `json:"after"`
}

// Run gives free pages of the spool of the stopped daemon back to the disk.
func (c *spoolCompactCmd) Run(ctx context.Context, a *app, g *grammar) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	path, err := a.stoppedSpool(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	shown := a.progress("compacting")
	defer shown.end()
	done, err := bolt.Compact(ctx, path, shown.at)
	shown.end()
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(a.out, compacted{path, done.Before, done.After})
	}
	if done.After == done.Before {
		_, err = fmt.Fprintf(a.out, "%s: %s, nothing to give back; verified\n", path, size(done.Before))
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s: %s, was %s; verified\n", path, size(done.After), size(done.Before))
	return err
}
