package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"relaykeep/relay"
	"relaykeep/spool/bolt"
)

// spoolRestoreCmd is the command spool restore.
type spoolRestoreCmd struct {
	socketFlag
	File   string `arg:"" help:"The backup. It is only read."`
	Resume bool   `help:"Send what is unfinished: nothing of it was sent since the backup was made."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// restored is what the command spool restore prints.
type restored struct {
	Spool    string `json:"spool"`
	Messages int64  `json:"messages"` // unfinished ones
	History  int64  `json:"history"`
	Held     int64  `json:"held"`  // recipients
	Aside    string `json:"aside"` // where an empty spool went that was there; "" for none
}

// Run makes a backup the spool of the stopped daemon.
func (c *spoolRestoreCmd) Run(ctx context.Context, a *app, g *grammar) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	path, err := a.stoppedSpool(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	shown := a.progress("restoring")
	defer shown.end()
	done, err := bolt.Restore(ctx, bolt.RestoreOptions{Copy: c.File, Path: path, Resume: c.Resume, Progress: shown.at})
	shown.end()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, restored{path, done.Report.Messages, done.Report.History, done.Held, done.Aside})
	}
	if done.Aside != "" {
		fmt.Fprintf(a.out, "the spool that was there held no unfinished mail and is %s now\n", done.Aside)
	}
	fmt.Fprintf(a.out, "%s: restored and verified, with %s and %s in the history\n",
		path, count(done.Report.Messages, "unfinished message", "unfinished messages"), count(done.Report.History, "finished one", "finished ones"))
	if done.Held > 0 {
		fmt.Fprintf(a.out, "%s held (%s): look at them with relaykeep spool list --state held once the daemon runs, and let them go by id or filter with relaykeep spool release\n",
			count(done.Held, "recipient is", "recipients are"), relay.HoldRestored)
	}
	return nil
}

// stoppedSpool gives the path of the spool, for what must not be done while the
// daemon runs.
func (a *app) stoppedSpool(ctx context.Context, g *grammar, s socketFlag) (path string, err error) {
	p, err := a.findPlace(g, s)
	if err != nil {
		return "", err
	}
	client, err := p.daemon(ctx)
	if err == nil {
		client.Close()
		return "", fmt.Errorf("the daemon runs (on %s): stop it first", p.socket)
	}
	return p.stopped(err)
}

// interruptible is for work that leaves something behind when it is killed. The
// caller calls stop.
func interruptible(ctx context.Context) (_ context.Context, stop func()) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
