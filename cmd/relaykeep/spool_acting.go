package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/daemon"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// maxAsked bounds the counting before a question: whoever acts on more wants to
// know that it is many.
const maxAsked = 10_000

// errEnough ends the counting.
var errEnough = errors.New("enough is known")

// takenBack reports whether an action can be undone.
func takenBack(action string) bool {
	return action == "hold" || action == "release" || action == "retry"
}

// ask has the person at the terminal confirm what concerns several messages or
// cannot be taken back; named messages must exist.
func (c *chosen) ask(ctx context.Context, a *app, p place, f spool.Filter, action string) error {
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
	n, first, err := countSelected(ctx, q, f)
	switch {
	case err != nil || n == 0 || n == 1 && takenBack(action):
		return err
	case n == 1:
		return a.confirm(fmt.Sprintf("%s message %s?", action, first))
	case n > maxAsked:
		return a.confirm(fmt.Sprintf("%s recipients of more than %d messages?", action, maxAsked))
	}
	return a.confirm(fmt.Sprintf("%s recipients of %d messages?", action, n))
}

// countSelected counts messages, up to one more than maxAsked, and names the
// first one.
func countSelected(ctx context.Context, q admin.Queue, f spool.Filter) (n int, first relay.ID, err error) {
	err = q.List(ctx, f, func(m admin.Message) error {
		if n++; n == 1 {
			first = m.ID
		}
		if n > maxAsked {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return n, first, err
}

// act does it on the running daemon, or on the spool of a stopped one.
func (p place) act(ctx context.Context, order admin.Order, f spool.Filter) (admin.Acted, error) {
	client, err := p.daemon(ctx)
	if err == nil {
		defer client.Close()
		return client.Act(ctx, order, f)
	}
	if !nobodyListens(err) || p.config == nil {
		return admin.Acted{}, err
	}
	store, err := p.openStoppedToWrite(err)
	if err != nil {
		return admin.Acted{}, err
	}
	done, err := actOn(ctx, p, store, order, f)
	if closeErr := store.Close(); err == nil {
		err = closeErr
	}
	return done, err
}

func actOn(ctx context.Context, p place, store *bolt.Store, order admin.Order, f spool.Filter) (admin.Acted, error) {
	actor, err := daemon.NewActor(p.config, store)
	if err != nil {
		return admin.Acted{}, err
	}
	return actor.Act(ctx, order, f, whoAmI())
}

// whoAmI names who runs the command.
func whoAmI() string {
	u, err := user.Current()
	if err != nil {
		return "somebody"
	}
	return fmt.Sprintf("%s (uid %s)", u.Username, u.Uid)
}
