package daemon

import (
	"fmt"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/delivery"
)

// outcome is what today's routes make of a recipient.
type outcome struct {
	to       relay.Recipient
	kind     relay.EventKind // "" for nothing to tell
	detail   string
	incident *relay.Incident // that holds it; nil for none
}

// followRoute gives a queued recipient the way that it has today. One whose
// way did not change stays where it is in its round. One that waits because of
// an upstream that is not on its way any more is due now; one that may have been
// delivered there is held. When it expires was settled when it was accepted. policy
// is that of the assignment's route.
func followRoute(r relay.Recipient, a relay.Assignment, ok bool, policy delivery.InDoubt, now time.Time) outcome {
	if !ok {
		return held(r, fmt.Sprintf("no route of the configuration matches it any more (it was %q)", r.Route), relay.Incident{
			Cause: "route " + r.Route, Kind: relay.IncidentRoute,
			Detail: fmt.Sprintf("mail is held: its route %s is gone and no other matches", r.Route),
		})
	}
	if a, ok = delivery.Bind(r, a, policy); !ok {
		why, i := delivery.Unbound(r)
		return held(r, why, i)
	}
	same := r.Route == a.Route && len(r.Eligible) > 0 && within(a.Upstreams, r.Eligible)
	r.Route, r.Priority = a.Route, a.Priority
	if !same {
		r.Eligible, r.Failures = slices.Clone(a.Upstreams), 0
		if r.Upstream != "" && r.Last.Scope == relay.ScopeUpstream && !slices.Contains(a.Upstreams, r.Upstream) {
			r.NextAttempt = now
		}
	}
	o := outcome{}
	o.to, o.kind, o.detail = a.Act(r, now)
	return o
}

// held keeps r for people to look at.
func held(r relay.Recipient, why string, i relay.Incident) outcome {
	r.State, r.NextAttempt, r.HoldReason = relay.Held, time.Time{}, why
	return outcome{to: r, kind: relay.EventHeld, detail: why, incident: &i}
}

// mergeRedirected is relay.MergeRedirected for outcomes.
func mergeRedirected(outcomes []outcome, before []relay.Recipient, now time.Time) {
	to := make([]relay.Recipient, len(outcomes))
	for i := range outcomes {
		to[i] = outcomes[i].to
	}
	for _, i := range relay.MergeRedirected(to, before, now) {
		outcomes[i].to = to[i]
		outcomes[i].detail += relay.MergedDetail
	}
}

// within reports whether part stands in whole, in the same order.
func within(whole, part []string) bool {
	for _, p := range part {
		i := slices.Index(whole, p)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}
