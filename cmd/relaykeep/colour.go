package main

import (
	"io"
	"strings"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// colour is what a colour of a terminal is called in its escape sequence: the
// parameter of SGR (ECMA-48 8.3.117). Only the eight colours of old are used,
// which each terminal shows as its owner likes to read them.
type colour string

const (
	plain  colour = ""
	faint  colour = "2"
	red    colour = "31" // failed, or goes nowhere
	green  colour = "32" // done
	yellow colour = "33" // somebody should look
	cyan   colour = "36" // at work
)

// palette says whether output is coloured; its zero value is not.
type palette bool

// palette gives that of what w is: colours are for terminals that have them,
// and for people who did not say NO_COLOR (https://no-color.org).
func (a *app) palette(w io.Writer) palette {
	refused, _ := a.env("NO_COLOR")
	terminal, _ := a.env("TERM")
	return palette(columns(w) > 0 && refused == "" && terminal != "dumb")
}

// paint colours s, which takes as many cells as before.
func (p palette) paint(c colour, s string) string {
	if !p || c == plain || s == "" {
		return s
	}
	return escapeStart + string(c) + "m" + s + escapeReset
}

// The escape sequences that paint writes begin like this, end with m, and are
// the only ones in what is printed: see printable.
const (
	escapeStart = "\x1b["
	escapeReset = escapeStart + "0m"
)

// escape gives how many bytes of s are an escape sequence of paint.
func escape(s string) int {
	if !strings.HasPrefix(s, escapeStart) {
		return 0
	}
	return strings.IndexByte(s, 'm') + 1
}

func stateColour(s relay.State) colour {
	switch s {
	case relay.Sending:
		return cyan
	case relay.Delivered:
		return green
	case relay.Held:
		return yellow
	case relay.Bounced, relay.Expired:
		return red
	case relay.Deleted:
		return faint
	}
	return plain
}

func eventColour(k relay.EventKind) colour {
	switch k {
	case relay.EventDelivered:
		return green
	case relay.EventDeferred, relay.EventFailover, relay.EventHeld, relay.EventInDoubt:
		return yellow
	case relay.EventRejected, relay.EventBounced, relay.EventExpired:
		return red
	case relay.EventDeleted:
		return faint
	}
	return plain
}

func upstreamColour(s admin.UpstreamState) colour {
	switch s {
	case admin.UpstreamUp:
		return green
	case admin.UpstreamDown, admin.UpstreamDisabled:
		return red
	}
	return yellow
}

func healthColour(h admin.Health) colour {
	switch h {
	case admin.HealthFine:
		return green
	case admin.HealthWarning:
		return yellow
	}
	return red
}

func incidentColour(i admin.Incident) colour {
	switch {
	case !i.Open:
		return faint
	case i.Kind == relay.IncidentQuota || i.Kind == relay.IncidentWarning:
		return yellow
	}
	return red
}
