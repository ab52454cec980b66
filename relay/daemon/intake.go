package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"relaykeep/relay/config"
	"relaykeep/relay/event"
	"relaykeep/relay/ingress"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// Intake takes mail into the spool of a stopped daemon, in the way in which its
// first listener would: repaired, traced and routed. Nothing is sent. It speaks
// SMTP on a unix socket that nobody else can open.
type Intake struct {
	server *ingress.Server
	folder string
}

// ErrFiltered says that mail must be seen by content filters, which only the
// running daemon asks.
var ErrFiltered = errors.New("the configuration has content filters, and only the running daemon asks them: start it first")

// NewIntake opens one. The caller closes it, and then the spool.
func NewIntake(c *config.Config, s *bolt.Store) (in *Intake, err error) {
	if len(c.Filters) > 0 {
		return nil, ErrFiltered
	}
	in = &Intake{}
	if in.folder, err = os.MkdirTemp("", "relaykeep-import-"); err != nil {
		return nil, err
	}
	table := routingTable(c)
	s.UseTable(table.Fingerprint())
	o := c.Listeners[0].Options
	o.Addresses, o.TLS, o.Auth, o.RatePerClient = []string{"unix:" + in.Socket()}, nil, nil, ingress.Rate{}
	in.server, err = ingress.New([]ingress.Options{o}, ingress.Deps{
		Spool: s, Router: table, Sink: event.Fanout{}, NewID: spool.NewID, Instance: s.Instance(), Dedupe: c.Dedupe,
	})
	if err == nil {
		err = in.server.Listen()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(in.folder))
	}
	in.server.Start()
	return in, nil
}

// Socket is where it listens.
func (in *Intake) Socket() string { return filepath.Join(in.folder, "smtp.sock") }

// Close ends it.
func (in *Intake) Close() error {
	return errors.Join(in.server.Shutdown(context.Background()), os.RemoveAll(in.folder))
}
