package main

import (
	"context"
	"fmt"
	"os/user"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/daemon"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// actFlags select what a command acts on.
type actFlags struct {
	filterFlags
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
)

// Run has mail tried now.
func (c *spoolRetryCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.run(ctx, a, g, "retry", "to be tried now")
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

// selected gives the filter. Where messages are named all their states count.
func (c *actFlags) selected(now time.Time) (f spool.Filter, err error) {
	if f, err = c.filter(now); err != nil {
		return f, err
	}
	for _, s := range c.ID {
		id, err := spool.ParseID(s)
		if err != nil {
			return f, usageError(err.Error())
		}
		f.IDs = append(f.IDs, id)
	}
	f.AnyState = f.AnyState || len(f.IDs) > 0 && len(f.States) == 0
	filtered := c.filterFlags.given()
	switch {
	case c.All && (filtered || len(f.IDs) > 0):
		return f, usageError("--all goes with nothing else that selects")
	case !c.All && !filtered && len(f.IDs) == 0:
		return f, usageError("name messages by id, by filters, or --all")
	}
	return f, nil
}

// given reports whether some filter is set.
func (f *filterFlags) given() bool {
	for _, s := range []*string{f.Upstream, f.Route, f.From, f.To, f.MessageID, f.RemoteID, f.Older, f.Newer, f.Code, f.Limit} {
		if s != nil {
			return true
		}
	}
	return len(f.State) > 0
}

func (c *actFlags) run(ctx context.Context, a *app, g *grammar, action, words string) error {
	f, err := c.selected(time.Now())
	if err != nil {
		return err
	}
	p, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return err
	}
	if err := c.ask(ctx, a, p, f, action); err != nil {
		return err
	}
	done, err := p.act(ctx, action, f)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(a.out, done)
	}
	fmt.Fprintf(a.out, "%s of %s: %s\n", count(int64(done.Recipients), "recipient", "recipients"), count(int64(done.Messages), "message", "messages"), words)
	if done.Sending > 0 {
		fmt.Fprintf(a.out, "%s being sent at this moment: left alone\n", count(int64(done.Sending), "recipient is", "recipients are"))
	}
	if done.Unfit > 0 {
		fmt.Fprintf(a.out, "%s in a state in which there is nothing to %s, or have no route or body: left alone\n", count(int64(done.Unfit), "recipient is", "recipients are"), action)
	}
	return nil
}

// ask has the person at the terminal confirm what concerns several messages or
// cannot be taken back; named messages must exist.
func (c *actFlags) ask(ctx context.Context, a *app, p place, f spool.Filter, action string) error {
	q, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer q.Close()
	for _, id := range f.IDs {
		if _, err := q.Get(ctx, id); err != nil {
			return err
		}
	}
	if c.Yes {
		return nil
	}
	var n int64
	var first relay.ID
	err = q.List(ctx, f, func(m admin.Message) error {
		if n++; n == 1 {
			first = m.ID
		}
		return nil
	})
	switch {
	case err != nil || n == 0 || n == 1 && action != "delete":
		return err
	case n == 1:
		return a.confirm(fmt.Sprintf("%s message %s?", action, first))
	}
	return a.confirm(fmt.Sprintf("%s recipients of %d messages?", action, n))
}

// act does it on the running daemon, or on the spool of a stopped one.
func (p place) act(ctx context.Context, action string, f spool.Filter) (admin.Acted, error) {
	client, err := p.daemon(ctx)
	if err == nil {
		defer client.Close()
		return client.Act(ctx, action, f)
	}
	store, err := p.openStopped(err, bolt.Options{})
	if err != nil {
		return admin.Acted{}, err
	}
	done, err := daemon.NewActor(p.config, store).Act(ctx, action, f, whoAmI())
	if closeErr := store.Close(); err == nil {
		err = closeErr
	}
	return done, err
}

// whoAmI names who runs the command.
func whoAmI() string {
	u, err := user.Current()
	if err != nil {
		return "somebody"
	}
	return fmt.Sprintf("%s (uid %s)", u.Username, u.Uid)
}
