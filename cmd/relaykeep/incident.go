package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"relaykeep/relay/admin"
)

// incidentCmd holds the commands about incidents.
type incidentCmd struct {
	List    incidentListCmd    `cmd:"" help:"List the open incidents: troubles that hold mail or disable an upstream."`
	Show    incidentShowCmd    `cmd:"" help:"Show one incident, and what can be done about it."`
	Resolve incidentResolveCmd `cmd:"" help:"Close an incident and send again what it held."`
}

// incidentID reads the number of an incident. Errors match errUsage.
func incidentID(s string) (int64, error) {
	number, err := admin.ParseIncident(s)
	if err != nil {
		return 0, usageError(err.Error())
	}
	return number, nil
}

// incidentListCmd is the command incident list.
type incidentListCmd struct {
	socketFlag
	All  bool `help:"The closed ones, too."`
	JSON bool `name:"json" help:"Print a JSON object per line."`
}

// Run lists.
func (c *incidentListCmd) Run(ctx context.Context, a *app, g *grammar) error {
	q, err := a.openQueue(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer q.Close()
	found, err := q.Incidents(ctx, c.All)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printEach(a.out, found)
	case len(found) == 0 && c.All:
		_, err = fmt.Fprintln(a.out, "no incidents")
	case len(found) == 0:
		_, err = fmt.Fprintln(a.out, "no open incidents")
	default:
		_, err = io.WriteString(a.out, incidentTable(found, columns(a.out), a.palette(a.out), time.Now()))
	}
	return err
}

// incidentShowCmd is the command incident show.
type incidentShowCmd struct {
	socketFlag
	ID   string `arg:"" name:"id" help:"The number, as incident list tells it."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run shows one incident.
func (c *incidentShowCmd) Run(ctx context.Context, a *app, g *grammar) error {
	number, err := incidentID(c.ID)
	if err != nil {
		return err
	}
	q, err := a.openQueue(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer q.Close()
	i, err := q.Incident(ctx, number)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, i)
	}
	rules, err := a.classifier(g)
	if err != nil {
		return err
	}
	p := page{width: columns(a.out), now: time.Now()}
	p.incident(i, rules)
	_, err = io.WriteString(a.out, p.String())
	return err
}

// incidentResolveCmd is the command incident resolve.
type incidentResolveCmd struct {
	socketFlag
	ID   string `arg:"" name:"id" help:"The number, as incident list tells it."`
	Yes  bool   `help:"Do not ask first."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run resolves an incident.
func (c *incidentResolveCmd) Run(ctx context.Context, a *app, g *grammar) error {
	number, err := incidentID(c.ID)
	if err != nil {
		return err
	}
	daemon, err := a.openDaemon(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer daemon.Close()
	i, err := daemon.Incident(ctx, number)
	if err != nil {
		return err
	}
	if i.Open && i.Held > 1 && !c.Yes {
		if err := a.confirm(fmt.Sprintf("Incident %d holds %s: %s\nRelease them?", number, heldWords(i), oneLine(i.Detail))); err != nil {
			return err
		}
	}
	done, err := daemon.Resolve(ctx, number)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.out, done)
	}
	_, err = fmt.Fprintf(a.out, "incident %d is resolved: %s released\n", number, count(int64(done.Released), "recipient is", "recipients are"))
	return err
}
