package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// spoolWatchCmd is the command spool watch.
type spoolWatchCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print a JSON object per line."`
}

// Run prints events as they happen, until the daemon stops.
func (c *spoolWatchCmd) Run(ctx context.Context, a *app, g *grammar) error {
	client, err := a.openDaemon(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer client.Close()
	out := bufio.NewWriter(a.out)
	begun := func() { fmt.Fprintln(a.err, "watching; Ctrl-C ends it") }
	err = client.Watch(ctx, begun, func(e admin.LiveEvent) error {
		if c.JSON {
			if err := printJSON(out, e); err != nil {
				return err
			}
			return out.Flush()
		}
		p := page{width: columns(a.out), colours: a.palette(a.out), now: time.Now()}
		p.live(e)
		out.WriteString(p.String())
		return out.Flush()
	})
	if err == nil {
		err = errors.New("the daemon has stopped")
	}
	return err
}

// live prints an event that stands alone: what its message would say comes with
// it.
func (p *page) live(e admin.LiveEvent) {
	words := eventWords([]admin.Event{e.Event}, true)
	switch e.Event.Event {
	case relay.EventAccepted, relay.EventRejected:
		words = strings.TrimSuffix(arrival(e)+", "+words, ", ")
	}
	if e.Message != "" {
		words = string(e.Message) + "  " + words
	}
	p.line(fmt.Sprintf("%s  %s  ", e.At.Local().Format("15:04:05"), pad(p.event(e.Event.Event), liveWidth)), words)
}

// liveWidth is that of the names of events, those that concern no message too.
const liveWidth = 15

// arrival tells from whom mail came or wanted to come.
func arrival(e admin.LiveEvent) string {
	var parts []string
	if e.From != nil {
		parts = append(parts, "from "+orNull(*e.From))
	}
	if e.Others > 0 {
		parts = append(parts, fmt.Sprintf("(+%d)", e.Others))
	}
	if e.Size > 0 {
		parts = append(parts, size(e.Size))
	}
	if e.Client != "" {
		parts = append(parts, "by "+e.Client)
	}
	if e.User != "" {
		parts = append(parts, "as "+e.User)
	}
	return strings.Join(parts, " ")
}

func orNull(address string) string {
	if address == "" {
		return "<>"
	}
	return address
}
