package config

import (
	"errors"
	"slices"

	"relaykeep/relay"
	"relaykeep/relay/route"
)

var strategies = map[string]route.Strategy{
	"failover": route.Failover,
	"balance":  route.Balance,
}

// maxWeight is plenty for shares, and its sum over any list no overflow.
const maxWeight = 1_000_000

// readBalance reads how a route chooses among its upstreams. One that weights
// does not name has weight 1.
func readBalance(s *section, r *route.Route) {
	strategy := s.choice("strategy", "failover", "failover", "balance")
	r.Strategy = strategies[strategy]
	weights := make([]int, len(r.Upstreams))
	for i := range weights {
		weights[i] = 1
	}
	readMap(s, "weights", "{ first = 3, second = 1 }", func(name, value string) error {
		i := slices.Index(r.Upstreams, name)
		if i < 0 {
			return errors.New("is not among the upstreams of this route" + orKnown(name, r.Upstreams))
		}
		w, err := weight(value)
		weights[i] = w
		return err
	})
	if s.entry("weights").state != ready || !s.filled("weights") {
		return
	}
	if told := s.entry("strategy").state; told == absent || told == ready {
		if r.Strategy != route.Balance {
			s.fault("weights", `have an effect with strategy = "balance" only; take them out`)
		}
	}
	if slices.Max(weights) == 0 {
		s.fault("weights", "are all 0, which makes every upstream a last resort; give one of them more")
	}
	r.Weights = weights
}

// weight takes a share; 0 is that of a last resort.
func weight(v string) (int, error) {
	n, ok := parseUint(v, maxWeight)
	if v == "" || digits(v) != len(v) || !ok {
		return 0, errors.New("has no valid weight; write a whole number from 0 to 1000000")
	}
	return int(n), nil
}

var actions = map[string]relay.RouteAction{
	"deliver":  relay.RouteDeliver,
	"discard":  relay.RouteDiscard,
	"hold":     relay.RouteHold,
	"redirect": relay.RouteRedirect,
}

// readAction reads what a route does with its mail.
func readAction(s *section, r *route.Route) {
	r.Action = actions[s.choice("action", "deliver", "deliver", "discard", "hold", "redirect")]
	r.RedirectTo = read(s, "redirect_to", "", optional(envelopeAddress))
	switch state := s.entry("action").state; {
	case state == wrong || state == pending:
	case r.Action == relay.RouteRedirect:
		needFilled(s, "redirect_to", `"staging@example.com"`)
	default:
		refuseFilled(s, `action = "redirect"`, "redirect_to")
	}
}

// envelopeAddress takes an address that mail can be sent to, and gives its wire
// form.
func envelopeAddress(v string) (string, error) {
	if _, err := mailAddress(v); err != nil {
		return "", err
	}
	address, err := relay.ParseAddress(v, false)
	var broken *relay.AddressError
	switch {
	case errors.As(err, &broken) && broken.Rule == relay.RuleUTF8:
		return "", errors.New("is beyond ASCII, and not every server takes that; write another address")
	case err != nil:
		return "", errAddress
	}
	return address, nil
}
