package main

import (
	"context"
	"fmt"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/spool"
)

// actFlags select what a command acts on.
type actFlags struct {
	filterFlags
	chosen
}

// chosen are the flags that all acting commands share beside the filters.
type chosen struct {
	socketFlag
	ID   []string `arg:"" optional:"" name:"id" help:"Messages, by id."`
	All  bool     `help:"Every unfinished message."`
	Yes  bool     `help:"Do not ask first."`
	JSON bool     `name:"json" help:"Print JSON."`
}

type (
	spoolRetryCmd   struct{ actFlags }
	spoolHoldCmd    struct{ actFlags }
	spoolReleaseCmd struct{ actFlags }
	spoolDeleteCmd  struct{ actFlags }
	spoolBounceCmd  struct{ actFlags }
)

// spoolRedirectCmd has no filter --to: that is where the mail goes.
type spoolRedirectCmd struct {
	otherFilters
	Recipient *string `placeholder:"GLOB" help:"Only these recipients."`
	To        string  `required:"" placeholder:"ADDRESS" help:"Where the mail goes instead."`
	chosen
}

// Run has mail tried now.
func (c *spoolRetryCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.run(ctx, a, g, "retry", "due now")
}

// Run holds mail.
func (c *spoolHoldCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.run(ctx, a, g, "hold", "held")
}

// Run releases mail.
func (c *spoolReleaseCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.run(ctx, a, g, "release", "released")
}

// Run deletes mail.
func (c *spoolDeleteCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.run(ctx, a, g, "delete", "deleted")
}

// Run gives mail up.
func (c *spoolBounceCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.run(ctx, a, g, "bounce", "bounced")
}

// Run sends mail elsewhere.
func (c *spoolRedirectCmd) Run(ctx context.Context, a *app, g *grammar) error {
	f, err := c.otherFilters.filter(c.Recipient, "--recipient", time.Now())
	if err != nil {
		return err
	}
	if c.To, err = relay.ParseAddress(c.To, false); err != nil {
		return usageError("--to: " + err.Error())
	}
	order := admin.Order{Action: "redirect", To: c.To}
	return c.carryOut(ctx, a, g, order, f, c.otherFilters.given(c.Recipient), "sent to "+oneLine(c.To)+" instead")
}

func (c *actFlags) run(ctx context.Context, a *app, g *grammar, action, words string) error {
	f, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	return c.carryOut(ctx, a, g, admin.Order{Action: action}, f, c.otherFilters.given(c.To), words)
}

// carryOut does what is ordered, once it is confirmed, and prints what was
// done. filtered says that a filter is set.
func (c *chosen) carryOut(ctx context.Context, a *app, g *grammar, order admin.Order, f spool.Filter, filtered bool, words string) error {
	f, err := c.selected(f, filtered)
	if err != nil {
		return err
	}
	p, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return err
	}
	if err := c.ask(ctx, a, p, f, order.Action); err != nil {
		return err
	}
	done, err := p.act(ctx, order, f)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(a.out, done)
	}
	for _, line := range actedWords(done, words) {
		fmt.Fprintln(a.out, line)
	}
	return nil
}

// actedWords tells what was done, and what was not.
func actedWords(done admin.Acted, words string) []string {
	lines := []string{fmt.Sprintf("%s of %s: %s", count(int64(done.Recipients), "recipient", "recipients"),
		count(int64(done.Messages), "message", "messages"), words)}
	if done.Sending > 0 {
		what := "applied when the attempt ends, where it does not deliver"
		if done.Action == "retry" || done.Action == "release" {
			what = "left alone"
		}
		lines = append(lines, count(int64(done.Sending), "recipient is", "recipients are")+" being sent at this moment: "+what)
	}
	if done.Unfit > 0 {
		lines = append(lines, fmt.Sprintf("%s left alone: %s takes %s", count(int64(done.Unfit), "recipient is", "recipients are"), done.Action, fitFor(done.Action)))
	}
	return lines
}

// fitFor tells which recipients an action is for.
func fitFor(action string) string {
	switch action {
	case "retry":
		return "only what is queued, or has bounced or expired and has its body still; and a route of today must send it"
	case "release":
		return "only what is held; and a route of today must send it"
	case "redirect":
		return "only what is queued or held, or has bounced or expired and has its body still; a route of today must send to the new address, and it must be another"
	case "hold":
		return "only what is unfinished and not held by an operator already"
	}
	return "only what is unfinished"
}

// selected adds what is named to the filter. Where messages are named all their
// states count.
func (c *chosen) selected(f spool.Filter, filtered bool) (spool.Filter, error) {
	for _, s := range c.ID {
		id, err := spool.ParseID(s)
		if err != nil {
			return f, usageError(err.Error())
		}
		f.IDs = append(f.IDs, id)
	}
	f.AnyState = f.AnyState || len(f.IDs) > 0 && len(f.States) == 0
	switch {
	case c.All && (filtered || len(f.IDs) > 0):
		return f, usageError("--all goes with nothing else that selects")
	case !c.All && !filtered && len(f.IDs) == 0:
		return f, usageError("name messages by id, by filters, or --all")
	}
	return f, nil
}
