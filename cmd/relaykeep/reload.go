package main

import (
	"context"
	"errors"
	"fmt"

	"relaykeep/relay/admin"
	"relaykeep/relay/config"
)

// reloadCmd is the command reload.
type reloadCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print a JSON object per line."`
}

// Run has the running daemon read its configuration again.
func (c *reloadCmd) Run(ctx context.Context, a *app, g *grammar) error {
	daemon, err := a.openDaemon(ctx, g, c.socketFlag)
	var wrong *config.Error
	if errors.As(err, &wrong) { // it does not say where the daemon is, but the answer is known
		if err := wrong.Print(a.err, columns(a.err)); err != nil {
			return err
		}
		return c.livesOn(a)
	}
	if err != nil {
		return err
	}
	defer daemon.Close()
	done, err := daemon.Reload(ctx)
	var refused *admin.Refused
	switch {
	case errors.As(err, &refused):
		return c.refused(a, refused)
	case err != nil:
		return err
	case c.JSON:
		return printJSON(a.out, done)
	}
	for _, w := range done.Warnings {
		fmt.Fprintln(a.err, diagnosticLine(w))
	}
	for _, line := range append(done.Changes, done.Restart...) {
		fmt.Fprintln(a.out, line)
	}
	_, err = fmt.Fprintln(a.out, "the configuration is reloaded")
	return err
}

// refused shows why the old configuration lives on.
func (c *reloadCmd) refused(a *app, r *admin.Refused) error {
	for _, d := range r.Diagnostics {
		if !c.JSON {
			fmt.Fprintln(a.err, diagnosticLine(d))
		} else if err := printJSON(a.out, d); err != nil {
			return err
		}
	}
	return c.livesOn(a)
}

func (c *reloadCmd) livesOn(a *app) error {
	fmt.Fprintln(a.err, "relaykeep: the configuration is not valid: nothing is reloaded")
	return errReported
}

// diagnosticLine is a diagnostic in one line.
func diagnosticLine(d admin.Diagnostic) string {
	place := d.File
	if d.Line > 0 {
		place = fmt.Sprintf("%s:%d", d.File, d.Line)
	}
	return oneLine(place + ": " + d.Severity + ": " + d.Summary)
}
