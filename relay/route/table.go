package route

import (
	"slices"
	"time"

	"relaykeep/relay"
)

// Table is an ordered list of routes, compiled.
type Table struct {
	routes      []Route
	matchers    []matcher // of the routes, in their order
	needsHeader bool
	fingerprint string
}

// New compiles routes, the first being the first to be asked. It shares the
// slices in them: nobody may change their elements any more.
func New(routes []Route) *Table {
	t := &Table{
		routes:      slices.Clone(routes),
		matchers:    make([]matcher, len(routes)),
		fingerprint: fingerprint(routes),
	}
	for i := range routes {
		t.routes[i].Upstreams = slices.Clip(routes[i].Upstreams) // an append makes a copy
		t.matchers[i] = compile(routes[i].Match)
		t.needsHeader = t.needsHeader || len(routes[i].Match.Header) > 0
	}
	return t
}

// Match gives the first route that matches; ok is false where none does. While
// q.Header is nil no route that looks at the header matches.
func (t *Table) Match(q relay.RouteQuery) (r Route, ok bool) {
	c := candidate{RouteQuery: q}
	for i := range t.matchers {
		if m := &t.matchers[i]; m.envelope(&c) && m.headers(q.Header) {
			return t.routes[i], true
		}
	}
	return Route{}, false
}

// Possible reports whether some route may match, whatever the header says:
// q.Header is not asked.
func (t *Table) Possible(q relay.RouteQuery) bool {
	c := candidate{RouteQuery: q}
	for i := range t.matchers {
		if t.matchers[i].envelope(&c) {
			return true
		}
	}
	return false
}

// Route gives the assignment by the first route that matches, to expire as
// counted from now; ok is false where none matches. The list of upstreams may
// be the table's own: the caller must not change it.
func (t *Table) Route(q relay.RouteQuery, now time.Time) (a relay.Assignment, ok bool) {
	r, ok := t.Match(q)
	if !ok {
		return relay.Assignment{}, false
	}
	return r.assign(q.Seed, now), true
}

// Assign is Route for the route of this name, whatever it matches; ok is false
// where there is none. seed is that of relay.RouteQuery.
func (t *Table) Assign(name, seed string, now time.Time) (a relay.Assignment, ok bool) {
	r, ok := t.ByName(name)
	if !ok {
		return relay.Assignment{}, false
	}
	return r.assign(seed, now), true
}

func (r *Route) assign(seed string, now time.Time) relay.Assignment {
	a := relay.Assignment{
		Route:      r.Name,
		Upstreams:  r.Order(seed),
		Priority:   r.Priority,
		ExpiresAt:  now.Add(r.Expire),
		Action:     r.Action,
		RedirectTo: r.RedirectTo,
	}
	if 0 < r.WarnAfter && r.WarnAfter < r.Expire {
		a.WarnAt = now.Add(r.WarnAfter)
	}
	return a
}

// ByName gives the route of this name; ok is false where there is none.
func (t *Table) ByName(name string) (r Route, ok bool) {
	for i := range t.routes {
		if t.routes[i].Name == name {
			return t.routes[i], true
		}
	}
	return Route{}, false
}

// NeedsHeader reports whether some route looks at the header.
func (t *Table) NeedsHeader() bool { return t.needsHeader }

// Fingerprint differs for two tables that may send some mail different ways:
// it covers names, matches, upstreams with their strategy and weights, priorities,
// actions and order. It leaves out how long mail is tried, since that was settled when the mail was accepted. It is
// printable, and the same on every machine.
func (t *Table) Fingerprint() string { return t.fingerprint }
