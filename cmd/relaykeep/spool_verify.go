package main

import (
	"context"
	"errors"
	"fmt"

	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// spoolVerifyCmd is the command spool verify.
type spoolVerifyCmd struct {
	socketFlag
	File    string `arg:"" optional:"" help:"A backup to verify (default: the spool)."`
	Salvage string `placeholder:"FILE" help:"Copy every message that can be read whole into this new file; the daemon is stopped."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// errUnsound says, once all problems were told, that there are some.
var errUnsound = errors.New("it is not sound: stop the daemon, save what is readable with relaykeep spool verify --salvage FILE, or restore a backup")

// verdict is what the command spool verify prints.
type verdict struct {
	Sound bool `json:"sound"`
	spool.Report
}

// Run tells everything that is wrong.
func (c *spoolVerifyCmd) Run(ctx context.Context, a *app, g *grammar) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	if c.Salvage != "" {
		return c.salvage(ctx, a, g)
	}
	r, err := c.check(ctx, a, g)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := printJSON(a.out, verdict{r.Sound(), r}); err != nil {
			return err
		}
	} else {
		printReport(a, &r)
	}
	switch {
	case r.Sound():
		return nil
	case c.File != "":
		return fmt.Errorf("%s is not sound: take another backup, or save what is readable of it with relaykeep spool verify %s --salvage NEW", c.File, c.File)
	}
	return errUnsound
}

// check asks the running daemon, or reads a file that is only read.
func (c *spoolVerifyCmd) check(ctx context.Context, a *app, g *grammar) (r spool.Report, err error) {
	shown := a.progress("verifying")
	defer shown.end()
	if c.File != "" {
		return bolt.CheckFile(ctx, c.File, shown.at)
	}
	p, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return r, err
	}
	client, err := p.daemon(ctx)
	if err == nil {
		defer client.Close()
		return client.Check(ctx, shown.at)
	}
	path, err := p.stopped(err)
	if err != nil {
		return r, err
	}
	return bolt.CheckFile(ctx, path, shown.at)
}

// printReport tells what was found, the verdict last.
func printReport(a *app, r *spool.Report) {
	for _, p := range r.Problems {
		fmt.Fprintln(a.out, oneLine(p))
	}
	if r.More > 0 {
		fmt.Fprintf(a.out, "and %d more\n", r.More)
	}
	switch {
	case r.Sound():
		fmt.Fprintf(a.out, "sound: %s, %s in the history, %s of mail\n",
			count(r.Messages, "unfinished message", "unfinished messages"), count(r.History, "finished one", "finished ones"), size(r.BodyBytes))
	case r.Partial:
		fmt.Fprintf(a.out, "DAMAGED: %s; what the messages say was not looked at\n", problems(r))
	default:
		fmt.Fprintf(a.out, "DAMAGED: %s\n", problems(r))
	}
}

func problems(r *spool.Report) string {
	return count(int64(len(r.Problems))+r.More, "problem", "problems")
}
