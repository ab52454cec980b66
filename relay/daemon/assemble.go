package daemon

import (
	"relaykeep/relay/config"
	"relaykeep/relay/delivery"
	"relaykeep/relay/event/logsink"
	"relaykeep/relay/route"
	"relaykeep/upstream"
)

func lane(u config.Upstream, t upstream.Transport) delivery.Lane {
	return delivery.Lane{
		Name: u.Name, Transport: t,
		MaxConnections: u.MaxConnections, MaxRecipients: u.MaxRecipients,
		Breaker: u.Breaker,
	}
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
			Upstreams: r.Upstreams, Retry: c.Retries[r.RetryName],
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
