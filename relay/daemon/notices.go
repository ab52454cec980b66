package daemon

import (
	"net"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/bounce"
	"relaykeep/relay/config"
	"relaykeep/relay/delivery"
	"relaykeep/relay/route"
	"relaykeep/spool"
	"relaykeep/upstream/classify"
)

// noticeLimit is how many notices a sender gets: what a forged sender can be
// made to get.
func noticeLimit() bounce.Limit { return bounce.Limit{N: 100, Per: time.Hour} }

// reporter makes the notices to senders.
func reporter(c *config.Config, table *route.Table, rules *classify.Classifier) *bounce.Reporter {
	return bounce.New(bounce.Options{
		Hostname: c.Hostname, Default: c.Bounce, Routes: bounceSettings(c.Routes),
		Limit: noticeLimit(), Router: noticeRouter{table}, Table: table.Fingerprint(), NewID: spool.NewID,
		RemoteHost: remoteHosts(c.Upstreams),
		Meaning: func(rule string) string {
			r, _ := rules.Rule(rule)
			return r.Meaning
		},
	})
}

// bounceSettings are those of the routes that have their own.
func bounceSettings(routes []config.Route) map[string]bounce.Settings {
	own := make(map[string]bounce.Settings)
	for _, r := range routes {
		if r.Bounce != nil {
			own[r.Name] = *r.Bounce
		}
	}
	return own
}

// remoteHosts gives the hosts of upstreams by their names.
func remoteHosts(upstreams []config.Upstream) func(name string) string {
	hosts := make(map[string]string, len(upstreams))
	for _, u := range upstreams {
		if host, _, err := net.SplitHostPort(u.Address); err == nil {
			hosts[u.Name] = host
		}
	}
	return func(name string) string { return hosts[name] }
}

// reporting makes the notices by the settings of now.
type reporting struct{ d *Daemon }

// Report is of operate.Reporter.
func (r reporting) Report(m relay.Message, body relay.Body, settled []relay.Recipient, others bool, now time.Time) func([]relay.Recipient) []spool.Notice {
	return r.d.parts.Load().notices.Report(m, body, settled, others, now)
}

// noticeRouter is the bounce.Router of a routing table.
type noticeRouter struct{ table *route.Table }

// Way is of bounce.Router.
func (n noticeRouter) Way(q relay.RouteQuery, to relay.Recipient, failed string, now time.Time) (relay.Recipient, relay.EventKind, string, bool) {
	a, ok := n.table.Route(q, now)
	if !ok {
		a, ok = n.table.Assign(failed, q.Seed, now)
	}
	if !ok {
		return to, "", "", false
	}
	to.State, to.NextAttempt, to.ExpiresAt = relay.Queued, now, a.ExpiresAt
	o := followRoute(to, a, true, delivery.InDoubtRetry, now) // nobody has it yet
	return o.to, o.kind, o.detail, true
}
