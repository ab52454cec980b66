package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// The exit statuses of status, which are those that monitoring plugins have.
const (
	statusWarning  = 1
	statusCritical = 2
	statusUnknown  = 3
)

// statusCmd is the command status.
type statusCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is shown below the usage.
func (statusCmd) Help() string {
	return "The exit status is 0 where all is fine, 1 where somebody should look, 2 where mail is refused or goes nowhere, 3 where no daemon answers."
}

// Run asks the daemon. Its error carries the exit status.
func (c *statusCmd) Run(ctx context.Context, a *app, g *grammar) error {
	s, err := c.ask(ctx, a, g)
	if err != nil {
		return &exitError{statusUnknown, err}
	}
	if c.JSON {
		err = printJSON(a.out, s)
	} else {
		_, err = io.WriteString(a.out, statusPage(s, columns(a.out), a.palette(a.out), time.Now()))
	}
	if err != nil {
		return &exitError{statusUnknown, err}
	}
	switch s.Status {
	case admin.HealthFine:
		return nil
	case admin.HealthWarning:
		return &exitError{statusWarning, errReported}
	}
	return &exitError{statusCritical, errReported}
}

func (c *statusCmd) ask(ctx context.Context, a *app, g *grammar) (admin.Status, error) {
	daemon, err := a.openDaemon(ctx, g, c.socketFlag)
	if err != nil {
		return admin.Status{}, err
	}
	defer daemon.Close()
	return daemon.Status(ctx)
}

// statusPage is what status prints for people.
func statusPage(s admin.Status, width int, colours palette, now time.Time) string {
	p := page{width: width, now: now}
	p.WriteString("relaykeep " + oneLine(s.Version) + " is " + colours.paint(healthColour(s.Status), oneLine(string(s.Status))) + "\n")
	for _, why := range s.Reasons {
		p.line("  ", why)
	}
	p.WriteByte('\n')
	p.fact("Runs", fmt.Sprintf("for %s, since %s", age(now.Sub(s.StartedAt.Time)), moment(s.StartedAt.Time)))
	for i, l := range s.Listeners {
		label := "Listens"
		if i > 0 {
			label = ""
		}
		p.line(pad(label, labelWidth), l.Name+": "+cmp.Or(strings.Join(l.Addresses, ", "), "nowhere"))
	}
	p.fact("Spool", fmt.Sprintf("%s unfinished (%s), file %s", count(s.Messages, "message", "messages"), size(s.BodyBytes), size(s.FileBytes)))
	p.fact("Recipients", fmt.Sprintf("%d queued, %d being sent, %d held", s.Recipients[relay.Queued], s.Recipients[relay.Sending], s.Recipients[relay.Held]))
	if !s.Oldest.IsZero() {
		p.fact("Oldest", fmt.Sprintf("%s old, received %s", age(now.Sub(s.Oldest.Time)), moment(s.Oldest.Time)))
	}
	p.fact("Minute", ratesWords(s.LastMinute))
	p.fact("Hour", ratesWords(s.LastHour))
	p.WriteByte('\n')
	p.WriteString(upstreamTable(s.Upstreams, width, colours, now))
	return p.String()
}

func ratesWords(r admin.Rates) string {
	return fmt.Sprintf("%d accepted, %d delivered, %d deferred, %d failed", r.Accepted, r.Delivered, r.Deferred, r.Failed)
}
