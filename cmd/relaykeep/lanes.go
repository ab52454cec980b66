package main

import (
	"context"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// lanes are the upstreams of the running daemon by name; nil where they are not
// known.
type lanes map[string]admin.Upstream

// lanesOf asks the daemon, where q is of one. Without an answer the mail is told of
// as if all took mail.
func lanesOf(ctx context.Context, q admin.Queue) lanes {
	daemon, ok := q.(*admin.Client)
	if !ok {
		return nil
	}
	all, err := daemon.Upstreams(ctx)
	if err != nil {
		return nil
	}
	known := make(lanes, len(all))
	for _, u := range all {
		known[u.Name] = u
	}
	return known
}

// waitingFor tells what a recipient that is due waits for: the upstream whose turn
// it is, and why that takes no mail. "" where one of its upstreams takes mail, or
// that is not known.
func (l lanes) waitingFor(r admin.Recipient, now time.Time) string {
	if r.State != relay.Queued || r.NextAttempt.After(now) {
		return ""
	}
	words := ""
	for _, name := range r.Eligible {
		u, known := l[name]
		if !known || u.State == admin.UpstreamUp || u.State == admin.UpstreamSlow {
			return ""
		}
		if words == "" {
			words = name + " (" + upstreamState(u, now) + ")"
		}
	}
	return words
}
