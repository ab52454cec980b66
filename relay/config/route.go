package config

import (
	"slices"
	"strconv"
	"strings"

	"relaykeep/relay"
	"relaykeep/relay/bounce"
	"relaykeep/relay/delivery"
	"relaykeep/relay/retry"
	"relaykeep/relay/route"
)

var inDoubts = map[string]delivery.InDoubt{
	"retry":    delivery.InDoubtRetry,
	"hold":     delivery.InDoubtHold,
	"failover": delivery.InDoubtFailover,
}

// names are what a route may refer to.
type names struct {
	upstreams, listeners, retries []string
	policies                      map[string]retry.Policy
	bounce                        bounce.Settings
}

// readRoutes reads the blocks route; without any there is one, "default", with
// all upstreams in file order.
func readRoutes(s *section, c *Config) []Route {
	n := names{policies: c.Retries, bounce: c.Bounce}
	for _, u := range c.Upstreams {
		n.upstreams = append(n.upstreams, u.Name)
	}
	for _, l := range c.Listeners {
		n.listeners = append(n.listeners, l.Name)
	}
	for name := range c.Retries {
		n.retries = append(n.retries, name)
	}
	slices.Sort(n.retries)
	sections := s.named("route")
	if len(sections) == 0 {
		only := s.unwritten("route")
		only.name = "default"
		r, _ := readRoute(only, n)
		return []Route{r}
	}
	var routes []Route
	caught := 0 // the line of a route that takes all mail
	for _, r := range sections {
		if caught > 0 {
			s.d.add(true, r.header, "%s: no mail comes here, for the route on line %d has no match block and takes all", r.title, caught)
		}
		parsed, all := readRoute(r, n)
		routes = append(routes, parsed)
		if all && caught == 0 && parsed.Action == relay.RouteHold {
			s.d.add(true, r.header, "%s: it has no match block and holds all mail that comes here until somebody releases it", r.title)
		}
		if all && caught == 0 {
			caught = r.header.Start.Line
		}
	}
	return routes
}

// readRoute reads one route; all says that it takes all mail.
func readRoute(s *section, n names) (r Route, all bool) {
	match := s.block("match")
	r = Route{
		RetryName:     s.text("retry", defaultRetry),
		FailoverAfter: s.count("failover_after", 1, 1, 1000),
		InDoubt:       inDoubts[s.choice("in_doubt", "retry", "retry", "hold", "failover")],
	}
	r.Route = route.Route{
		Name:      s.name,
		Match:     readMatch(match, n.listeners),
		Upstreams: readList(s, "upstreams", n.upstreams, nonEmpty),
		Priority:  priority(s.choice("priority", "normal", "high", "normal", "low")),
	}
	refer(s, "upstreams", "upstream", r.Upstreams, n.upstreams)
	refer(s, "retry", "retry", []string{r.RetryName}, n.retries)
	r.Expire = read(s, "expire", n.policies[r.RetryName].Expire, positiveDuration)
	r.WarnAfter = n.policies[r.RetryName].WarnAfter
	checkUpstreams(s, r.Upstreams)
	readBalance(s, &r.Route)
	readAction(s, &r.Route)
	if b := s.block("bounce"); b.written {
		own := readBounce(b, n.bounce)
		r.Bounce = &own
	}
	s.end()
	return r, !slices.ContainsFunc(match.keys, match.filled)
}

// priority gives the value of a name that choice let through.
func priority(name string) (p relay.Priority) {
	switch name {
	case "high":
		p = relay.High
	case "low":
		p = relay.Low
	}
	return p
}

// readMatch reads the block match.
func readMatch(s *section, listeners []string) route.Match {
	m := route.Match{
		Sender:    readList(s, "sender", nil, glob),
		Recipient: readList(s, "recipient", nil, glob),
		Header:    readHeaders(s),
		Listener:  readList(s, "listener", nil, nonEmpty),
		User:      readList(s, "user", nil, glob),
		Client:    readList(s, "client", nil, network),
	}
	refer(s, "listener", "listener", m.Listener, listeners)
	s.end()
	return m
}

// readHeaders reads the map of header patterns, in the order of the names.
func readHeaders(s *section) []route.HeaderMatch {
	var list []route.HeaderMatch
	readMap(s, "header", `{ "X-Mail-Class" = "otp" }`, func(name, value string) error {
		if _, err := fieldName(name); err != nil {
			return err
		}
		g, err := glob(value)
		list = append(list, route.HeaderMatch{Name: name, Glob: g})
		return err
	})
	return list
}

// refer refuses names that nothing has.
func refer(s *section, key, kind string, used, known []string) {
	if s.entry(key).state != ready {
		return
	}
	for i, name := range used {
		if !slices.Contains(known, name) {
			s.entry(key).state = wrong
			s.errorAt(s.elementAt(key, i), "%s: there is no %s %s%s", key, kind, s.shown(key, strconv.Quote(cut(name))), orKnown(name, known))
		}
	}
}

// orKnown suggests a name, or lists them all where there are few.
func orKnown(name string, known []string) string {
	if hint := suggest(name, known); hint != "" {
		return hint
	}
	if len(known) == 0 || len(known) > 5 {
		return ""
	}
	return "; there is " + strings.Join(quoted(known), ", ")
}

// checkUpstreams refuses a list that is empty or names one twice.
func checkUpstreams(s *section, list []string) {
	if s.entry("upstreams").state != ready {
		return
	}
	if len(list) == 0 {
		s.fault("upstreams", "is empty; name upstreams, or leave it out for all of them")
	}
	for i, name := range list {
		if slices.Contains(list[:i], name) {
			s.errorAt(s.elementAt("upstreams", i), "upstreams: %s is in the list twice", s.shown("upstreams", strconv.Quote(cut(name))))
		}
	}
}
