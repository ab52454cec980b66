package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"relaykeep/relay/admin"
	"relaykeep/spool/bolt"
	"relaykeep/spool/durable"
)

// spoolBackupCmd is the command spool backup.
type spoolBackupCmd struct {
	socketFlag
	File string `arg:"" help:"The new file. One that is there is never overwritten."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// backupDone is what the command spool backup prints.
type backupDone struct {
	File     string `json:"file"`
	Bytes    int64  `json:"bytes"`
	Messages int64  `json:"messages"` // unfinished ones
	History  int64  `json:"history"`  // finished ones
}

// Run copies the spool of the running daemon, or of a stopped one.
func (c *spoolBackupCmd) Run(ctx context.Context, a *app, g *grammar) (err error) {
	ctx, stop := interruptible(ctx)
	defer stop()
	p, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return err
	}
	keeper, end, err := p.keeper(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	f, err := durable.Create(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Discard()) }()
	done := backupDone{File: c.File}
	if done.Bytes, err = a.copySpool(ctx, keeper, f); err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	shown := a.progress("verifying")
	report, err := bolt.CheckFile(ctx, f.Name(), shown.at)
	shown.end()
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return fmt.Errorf("no backup was made, the copy is not sound; look at the spool with relaykeep spool verify: %w", err)
	}
	if err := f.Commit(); err != nil {
		return err
	}
	done.Messages, done.History = report.Messages, report.History
	if c.JSON {
		return printJSON(a.out, done)
	}
	fmt.Fprintf(a.out, "%s, %s: verified, with %s and %s in the history\n",
		done.File, size(done.Bytes), count(done.Messages, "unfinished message", "unfinished messages"), count(done.History, "finished one", "finished ones"))
	return nil
}

// copySpool writes a copy and shows how far it has come.
func (a *app) copySpool(ctx context.Context, keeper admin.Keeper, w io.Writer) (n int64, err error) {
	shown := a.progress("copying")
	defer shown.end()
	err = keeper.Backup(ctx, io.MultiWriter(w, shown), func(size int64) { n = size; shown.at(0, size) })
	return n, err
}

// keeper gives that of the running daemon, or of the spool of a stopped one.
// The caller calls end.
func (p place) keeper(ctx context.Context) (k admin.Keeper, end func() error, err error) {
	client, err := p.daemon(ctx)
	if err == nil {
		return client, client.Close, nil
	}
	store, err := p.openStopped(err, true)
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}
