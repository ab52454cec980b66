package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/spool"
)

// followInterval is how often the daemon is asked about a message.
const followInterval = 200 * time.Millisecond

// getter gives a message; see admin.Queue.
type getter interface {
	Get(ctx context.Context, id relay.ID) (admin.Message, error)
}

// follow prints what changes about a message until each recipient has a
// verdict. The error says that not all were delivered.
func follow(ctx context.Context, out io.Writer, queue getter, id relay.ID) error {
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	shown := make(map[int]string)
	for {
		m, err := queue.Get(ctx, id)
		switch {
		case ctx.Err() != nil:
			return undecided(id)
		case errors.Is(err, spool.ErrNotFound):
			return fmt.Errorf("%s is finished and gone: the daemon keeps no history, its log tells what became of it", id)
		case err != nil:
			return fmt.Errorf("the daemon does not answer any more, but the mail is kept; see relaykeep spool show %s: %w", id, err)
		}
		decided, delivered := 0, 0
		for i, r := range m.Recipients {
			if line := r.Address + ": " + outcome(r); shown[i] != line {
				shown[i] = line
				fmt.Fprintln(out, oneLine(line))
			}
			if isDecided(r, time.Now()) {
				decided++
			}
			if r.State == relay.Delivered {
				delivered++
			}
		}
		switch n := len(m.Recipients); {
		case delivered == n:
			return nil
		case decided == n:
			return fmt.Errorf("delivered to %d of %s; see relaykeep spool show %s", delivered, count(int64(n), "recipient", "recipients"), id)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return undecided(id)
		}
	}
}

func undecided(id relay.ID) error {
	return fmt.Errorf("no verdict yet; see later with relaykeep spool show %s", id)
}

// isDecided reports whether a recipient has a verdict, if only that it must
// wait; what fails over is due at once.
func isDecided(r admin.Recipient, now time.Time) bool {
	return r.State.Finished() || r.State == relay.Held || r.State == relay.Queued && r.Last != nil && r.NextAttempt.After(now)
}

// outcome tells where a recipient stands.
func outcome(r admin.Recipient) string {
	s := r.State.String()
	switch {
	case r.State == relay.Queued && r.Last != nil:
		s = "deferred"
	case r.State == relay.Sending:
		return s + " to " + r.Upstream
	case r.State == relay.Held && r.HoldReason != "":
		s += " (" + r.HoldReason + ")"
	}
	if r.Last != nil {
		s += " " + verdictWords(r.Last.Upstream, r.Last.Verdict)
	}
	if r.State == relay.Queued && isDecided(r, time.Now()) {
		s += ", next attempt at " + moment(r.NextAttempt.Time)
	}
	return s
}
