package config

import (
	"cmp"
	"sync"

	"relaykeep/relay/quota"
	"relaykeep/upstream/classify"
)

// genericProvider is the one of which nothing is known.
const genericProvider = "generic"

// presets are what the configuration of an upstream need not say.
type presets struct {
	connections   int
	recipients    int   // per transaction
	size          int64 // of a message; 0: what EHLO says
	rate          quota.Limit
	countMessages bool // what rate counts
	refusesNull   bool
	unsigned      []string // see classify.Presets.UnsignedHeaders
}

// presetsByProvider gives the presets of a provider by its name. The packs that
// they stand in are read when the first is asked for.
func presetsByProvider() func(provider string) presets {
	packs := sync.OnceValues(func() (*classify.Classifier, error) { return classify.New() })
	return func(provider string) presets {
		p := presets{connections: 10, recipients: 50}
		if provider == genericProvider {
			return p
		}
		c, err := packs()
		if err != nil {
			return p // the daemon cannot start without them, and says why
		}
		known, _ := c.Presets(provider)
		p.connections = cmp.Or(known.MaxConnections, p.connections)
		p.recipients = cmp.Or(known.MaxRecipients, p.recipients)
		p.size, p.unsigned = known.MaxMessageSize, known.UnsignedHeaders
		p.refusesNull = known.RefusesNullSender
		if rate, err := limitOf(known.Rate); err == nil {
			p.rate, p.countMessages = rate, known.Count == "messages"
		}
		return p
	}
}
