package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"relaykeep/relay/admin"
	"relaykeep/spool"
)

// spoolStatsCmd is the command spool stats.
type spoolStatsCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Run counts.
func (c *spoolStatsCmd) Run(ctx context.Context, a *app, g *grammar) error {
	q, err := a.openQueue(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer q.Close()
	s, err := q.Stats(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, s)
	}
	return printStats(a.out, s, time.Now())
}

func printStats(out io.Writer, s admin.Stats, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "unfinished\t%s, %s\n", count(s.Messages, "message", "messages"), size(s.BodyBytes))
	if !s.Oldest.IsZero() {
		fmt.Fprintf(w, "oldest\t%s old, received %s\n", age(now.Sub(s.Oldest.Time)), moment(s.Oldest.Time))
	}
	fmt.Fprintf(w, "history\t%s\n", count(s.History, "message", "messages"))
	fmt.Fprintf(w, "file\t%s, %s of it in use, %s free\n", size(s.FileBytes), size(s.UsedBytes), count(s.FreePages, "page", "pages"))
	if err := w.Flush(); err != nil {
		return err
	}
	return errors.Join(printStates(out, s.Recipients), printRepairs(out, s.Repairs, now))
}

func printStates(out io.Writer, counts []spool.Count) error {
	if len(counts) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nSTATE\tUPSTREAM\tRECIPIENTS\n")
	for _, r := range counts {
		fmt.Fprintf(w, "%s\t%s\t%d\n", r.State, printable(cmp.Or(r.Upstream, "-")), r.N)
	}
	return w.Flush()
}

// printRepairs shows what the owners of apps should mend there.
func printRepairs(out io.Writer, repairs []admin.Repair, now time.Time) error {
	if len(repairs) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nREPAIRED SINCE THE START\tCLIENT\tUSER\tMESSAGES\tLAST\n")
	for _, r := range repairs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s, %s ago\n", printable(r.What), printable(r.Client), printable(cmp.Or(r.User, "-")), r.Messages, r.Last, age(now.Sub(r.LastAt.Time)))
	}
	return w.Flush()
}
