package daemon

import (
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/config"
	"relaykeep/relay/delivery"
	"relaykeep/relay/event/logsink"
	"relaykeep/relay/filter"
	"relaykeep/relay/ingress"
	"relaykeep/relay/quota"
	"relaykeep/relay/route"
	"relaykeep/upstream"
)

func lane(u config.Upstream, t upstream.Transport, p delivery.Preparer, now time.Time) delivery.Lane {
	l := delivery.Lane{
		Name: u.Name, Transport: t,
		MaxConnections: u.MaxConnections, MaxRecipients: u.MaxRecipients,
		Breaker: u.Breaker, PaceByMessage: u.RateByMessage, QuotaByMessage: u.QuotaByMessage, Prepare: p,
	}
	l.Pace = quota.NewPace(u.Rate, u.MaxConnections)
	if len(u.Quota) > 0 {
		l.Quota = quota.NewCounter(u.Quota, now)
	}
	return l
}

func routingTable(c *config.Config) *route.Table {
	routes := make([]route.Route, 0, len(c.Routes))
	for _, r := range c.Routes {
		routes = append(routes, r.Route)
	}
	return route.New(routes)
}

func deliveryRoutes(c *config.Config) map[string]delivery.Route {
	routes := make(map[string]delivery.Route, len(c.Routes))
	for _, r := range c.Routes {
		routes[r.Name] = delivery.Route{
			Upstreams: r.Upstreams, Order: r.Order, Retry: c.Retries[r.RetryName],
			FailoverAfter: r.FailoverAfter, InDoubt: r.InDoubt,
		}
	}
	return routes
}

func addressMode(m config.AddressMode) logsink.Mode {
	switch m {
	case config.AddressFull:
		return logsink.Full
	case config.AddressHash:
		return logsink.Hash
	}
	return logsink.Partial
}

// repairs gives what was mended in the mail of each client. The admin socket
// answers only once there is an ingress.
func (d *Daemon) repairs() []admin.Repair {
	counts := d.ingress.Repairs()
	out := make([]admin.Repair, len(counts))
	for i, c := range counts {
		out[i] = admin.Repair{Client: c.Client, User: c.User, What: c.What, Messages: c.Messages, Last: c.Last, LastAt: admin.Time{Time: c.LastAt}}
	}
	return out
}

// filters gives nil where there are none.
func (d *Daemon) filters(c *config.Config) *ingress.Filters {
	if len(c.Filters) == 0 {
		return nil
	}
	f := &ingress.Filters{Room: d.room, Incidents: quarantine{d}}
	for _, o := range c.Filters {
		f.Chain = append(f.Chain, filter.New(o, d.log.Named("filter")))
	}
	return f
}

// quarantine is the ingress.Incidents of a daemon whose scheduler is not made
// yet.
type quarantine struct{ d *Daemon }

// HoldUnder is of ingress.Incidents.
func (q quarantine) HoldUnder(i relay.Incident, store func(number int64) error) error {
	return q.d.scheduler.HoldUnder(i, store)
}
