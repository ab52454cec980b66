package delivery

import (
	"slices"
	"strconv"

	"relaykeep/relay"
)

// next gives the chain for the upstreams that follow sc.lane in this round: of
// the members, those behind the lane in the order of the route, then the rest
// as a way out. ok is false when the round is over: nobody behind the lane is
// up, or the lane itself was a way out already.
//
// A chain is a rotation of (a part of) the route's list, so the place of its
// first upstream in that list says how far the round has come.
func (sc scene) next(chain, members []string) (rotated []string, ok bool) {
	order := sc.route.Upstreams
	here := slices.Index(order, sc.lane)
	if here < 0 || len(chain) > 0 && here < slices.Index(order, chain[0]) {
		return nil, false
	}
	rotated = make([]string, 0, len(members))
	for _, name := range order[here+1:] {
		if slices.Contains(members, name) && sc.state(name) != laneGone {
			rotated = append(rotated, name)
			ok = ok || sc.state(name) == laneUp
		}
	}
	for _, name := range order[:here+1] {
		if slices.Contains(members, name) && sc.state(name) != laneGone {
			rotated = append(rotated, name)
		}
	}
	return rotated, ok
}

// wholeRoute is the chain of a new round. One whose outcome was in doubt stays
// at the upstream that may have it, where the policy is to retry there: a
// second copy must not go another way.
func (sc scene) wholeRoute(r relay.Recipient) []string {
	if r.InDoubt > 0 && sc.route.InDoubt == InDoubtRetry {
		return sc.present([]string{sc.lane})
	}
	return sc.present(sc.route.Upstreams)
}

// present leaves out the upstreams that are not configured any more.
func (sc scene) present(names []string) []string {
	gone := func(name string) bool { return sc.state(name) == laneGone }
	if !slices.ContainsFunc(names, gone) {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), gone)
}

// anyUp reports whether one of names takes mail.
func (sc scene) anyUp(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return sc.state(name) == laneUp })
}

// firstUp names the upstream of chain that will be asked next.
func (sc scene) firstUp(chain []string) string {
	for _, name := range chain {
		if sc.state(name) == laneUp {
			return name
		}
	}
	return chain[0]
}

// failuresAt is the count of failures at lane: that of another upstream does
// not count here.
func failuresAt(r relay.Recipient, lane string) int {
	if len(r.Eligible) > 0 && r.Eligible[0] == lane {
		return r.Failures
	}
	return 0
}

// startingWith moves lane to the front of chain.
func startingWith(lane string, chain []string) []string {
	if len(chain) > 0 && chain[0] == lane {
		return chain
	}
	return append([]string{lane}, without(lane, chain)...)
}

// without leaves lane out of chain.
func without(lane string, chain []string) []string {
	if !slices.Contains(chain, lane) {
		return chain
	}
	return slices.DeleteFunc(slices.Clone(chain), func(name string) bool { return name == lane })
}

// reply puts the codes and the text of v in one line for people.
func reply(v relay.Verdict) string {
	s := v.Text
	if v.Enhanced != "" {
		s = v.Enhanced + " " + s
	}
	if v.Code != 0 {
		s = strconv.Itoa(v.Code) + " " + s
	}
	return s
}

// Bind restricts the way that r has today to the upstream that may have it already:
// where its outcome there is unknown and the policy of its route is to ask there
// again, nobody else may get it by itself. ok is false where that upstream is not on
// the way any more: then only a person can decide.
func Bind(r relay.Recipient, a relay.Assignment, policy InDoubt) (bound relay.Assignment, ok bool) {
	if r.InDoubt == 0 || policy != InDoubtRetry || a.Action != relay.RouteDeliver {
		return a, true
	}
	if !slices.Contains(a.Upstreams, r.Upstream) {
		return a, false
	}
	a.Upstreams = []string{r.Upstream}
	return a, true
}

// Unbound says why r is held where Bind does not give it a way, and is the incident
// that holds it.
func Unbound(r relay.Recipient) (why string, i relay.Incident) {
	why = "its outcome at " + r.Upstream + " is unknown, and that upstream is not on its way any more: it may have been delivered"
	return why, *wayIncident(r.Upstream, "mail is held: "+why)
}
