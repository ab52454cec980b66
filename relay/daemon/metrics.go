package daemon

import (
	"context"
	"errors"
	"net"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/relay/delivery"
	"relaykeep/relay/metrics"
)

// labels are the names that the series of a configuration have.
func labels(c *config.Config) (n metrics.Names) {
	for _, l := range c.Listeners {
		n.Listeners = append(n.Listeners, l.Name)
	}
	for _, u := range c.Upstreams {
		n.Upstreams = append(n.Upstreams, u.Name)
	}
	for _, r := range c.Routes {
		n.Routes = append(n.Routes, r.Name)
	}
	return n
}

// buildMetrics comes early, so that the numbers can be read until the spool is
// closed: a drain is worth watching.
func (d *Daemon) buildMetrics() (err error) {
	address := d.opt.Config.Metrics.Address
	if address == "" {
		return nil
	}
	d.metrics, err = metrics.New(metrics.Options{
		Address: address, Version: d.opt.Version, Recorder: d.recorder,
		Source: metrics.Source{
			Stats: d.spool.Stats,
			Incidents: func(ctx context.Context) ([]relay.Incident, error) {
				return d.spool.Incidents(ctx, false)
			},
			Lanes: func() []delivery.LaneStatus { return d.scheduler.Lanes() },
		},
		Alive: d.Err, Ready: d.Ready,
		Logger: d.log.Named("metrics"),
	})
	if err != nil {
		return err
	}
	d.atEnd(d.metrics.Stop)
	return nil
}

var errNotReady = errors.New("starting, or stopping")

// Ready says why no mail should be sent here now; nil where it should. It is
// for those who choose between several relays.
func (d *Daemon) Ready() error {
	if err := d.Err(); err != nil {
		return err
	}
	if !d.ready.Load() {
		return errNotReady
	}
	return d.spool.Room()
}

// MetricsAddr is where numbers are given out, nil for nowhere.
func (d *Daemon) MetricsAddr() net.Addr {
	if d.metrics == nil {
		return nil
	}
	return d.metrics.Addr()
}
