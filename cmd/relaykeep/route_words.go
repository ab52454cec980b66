package main

import (
	"strings"

	"relaykeep/relay/config"
	"relaykeep/relay/route"
)

// routeReasons tells, for each route of a configuration, which mail takes it;
// nil where there is no configuration.
func routeReasons(c *config.Config) map[string]string {
	if c == nil {
		return nil
	}
	reasons := make(map[string]string)
	for i, r := range c.Routes {
		why := matchWords(r.Match)
		switch {
		case why == "" && i == 0:
			why = "takes all mail"
		case why == "":
			why = "takes what no route before it does"
		case i == 0:
			why = "takes " + why
		default:
			why = "takes " + why + ", where no route before it does"
		}
		reasons[r.Name] = why
	}
	return reasons
}

// matchWords tells what a match asks for, "" where it is nothing.
func matchWords(m route.Match) string {
	var parts []string
	add := func(what string, list []string) {
		if len(list) > 0 {
			parts = append(parts, what+" "+strings.Join(list, " or "))
		}
	}
	add("sender", m.Sender)
	add("recipient", m.Recipient)
	for _, h := range m.Header {
		parts = append(parts, "header "+h.Name+": "+h.Glob)
	}
	add("listener", m.Listener)
	add("user", m.User)
	var clients []string
	for _, c := range m.Client {
		clients = append(clients, c.String())
	}
	add("client", clients)
	return strings.Join(parts, ", ")
}
