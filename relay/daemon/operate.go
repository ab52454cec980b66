package daemon

import (
	"context"
	"errors"
	"fmt"

	"relaykeep/relay/admin"
	"relaykeep/relay/config"
	"relaykeep/relay/operate"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/classify"
)

// operator puts the mail in the spool into an operator's hands.
type operator struct {
	operate.Operator
	insist func() // before mail is to be sent all the same; nil: nothing is sent
}

var _ admin.Actor = (*operator)(nil)

func (d *Daemon) operator() *operator {
	return &operator{
		Operator: operate.Operator{Spool: d.spool, Route: d.reassign, Reporter: reporting{d}, Emit: d.sink.Emit},
		insist:   d.scheduler.TrySenders,
	}
}

// Act is of admin.Actor.
func (o *operator) Act(ctx context.Context, order admin.Order, f spool.Filter, who string) (admin.Acted, error) {
	w, err := operate.ParseWish(order.Action, order.To)
	switch {
	case errors.Is(err, operate.ErrNoAction):
		return admin.Acted{}, fmt.Errorf("%w: %w", admin.ErrNoAction, err)
	case err != nil:
		return admin.Acted{}, fmt.Errorf("%w: %w", admin.ErrBadOrder, err)
	}
	w.By = who
	if o.insist != nil && w.Action.Sends() {
		o.insist()
	}
	done, err := o.Operator.Act(ctx, w, f)
	return admin.Acted{
		Action: order.Action, Messages: done.Messages, Recipients: done.Recipients, Sending: done.Sending, Unfit: done.Unfit,
	}, err
}

// NewActor gives the admin.Actor for the spool of a stopped daemon, by the
// routes and the bounce settings of its configuration. The caller closes the
// spool.
func NewActor(c *config.Config, s *bolt.Store) (admin.Actor, error) {
	rules, err := classify.New(c.Packs...)
	if err != nil {
		return nil, err
	}
	table := routingTable(c)
	d := &Daemon{spool: s}
	d.parts.Store(&parts{config: c, table: table})
	s.UseTable(table.Fingerprint())
	return &operator{Operator: operate.Operator{Spool: s, Route: d.reassign, Reporter: reporter(c, table, rules)}}, nil
}
