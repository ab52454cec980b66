package daemon

import (
	"fmt"

	"relaykeep/relay/config"
	"relaykeep/relay/message/dkim"
	"relaykeep/relay/outgoing"
)

// pipeline makes what is done to the mail that goes to an upstream.
func pipeline(c *config.Config, u config.Upstream) (*outgoing.Pipeline, error) {
	o := c.Outgoing(u)
	if s := c.Signing(u); len(s.Domains) > 0 {
		signer, err := dkim.New(s)
		if err != nil {
			return nil, fmt.Errorf("upstream %q: %w", u.Name, err)
		}
		o.Signer = signer
	}
	return outgoing.New(o), nil
}
