package daemon

import (
	"context"
	"fmt"

	"relaykeep/relay/admin"
	"relaykeep/relay/config"
	"relaykeep/relay/operate"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// operator puts the mail in the spool into an operator's hands.
type operator struct{ operate.Operator }

var _ admin.Actor = (*operator)(nil)

func (d *Daemon) operator() *operator {
	return &operator{operate.Operator{Spool: d.spool, Route: d.reassign, Emit: d.sink.Emit}}
}

// Act is of admin.Actor.
func (o *operator) Act(ctx context.Context, action string, f spool.Filter, who string) (admin.Acted, error) {
	a, err := operate.Parse(action)
	if err != nil {
		return admin.Acted{}, fmt.Errorf("%w: %w", admin.ErrNoAction, err)
	}
	done, err := o.Operator.Act(ctx, a, f, who)
	return admin.Acted{
		Action: action, Messages: done.Messages, Recipients: done.Recipients, Sending: done.Sending, Unfit: done.Unfit,
	}, err
}

// NewActor gives the admin.Actor for the spool of a stopped daemon, by the
// routes of its configuration. The caller closes the spool.
func NewActor(c *config.Config, s *bolt.Store) admin.Actor {
	d := &Daemon{spool: s, table: routingTable(c)}
	s.UseTable(d.table.Fingerprint())
	return &operator{operate.Operator{Spool: s, Route: d.reassign}}
}
