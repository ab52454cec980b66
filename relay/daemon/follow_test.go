package daemon

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/delivery"
)

// TestFollowRoute changes one queued recipient by what today's routes say.
func TestFollowRoute(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	queued := relay.Recipient{
		Address: "a@customer.example", State: relay.Queued, Route: "r", Eligible: []string{"x", "y"},
		NextAttempt: now.Add(time.Minute), ExpiresAt: now.Add(time.Hour), Failures: 1, Attempts: 3,
	}
	today := relay.Assignment{Route: "r", Upstreams: []string{"x", "y"}, ExpiresAt: now.Add(9 * time.Hour)}
	with := func(change func(*relay.Assignment)) relay.Assignment {
		a := today
		change(&a)
		return a
	}
	tests := []struct {
		name   string
		a      relay.Assignment
		noWay  bool
		want   func(*relay.Recipient)
		kind   relay.EventKind
		detail string
	}{
		{name: "nothing new", a: today},
		{
			name: "another priority", a: with(func(a *relay.Assignment) { a.Priority = relay.High }),
			want: func(r *relay.Recipient) { r.Priority = relay.High },
		},
		{
			name: "another order", a: with(func(a *relay.Assignment) { a.Upstreams = []string{"y", "x"} }),
			want: func(r *relay.Recipient) { r.Eligible, r.Failures = []string{"y", "x"}, 0 },
		},
		{
			name: "another route", a: with(func(a *relay.Assignment) { a.Route, a.Upstreams = "s", []string{"z"} }),
			want: func(r *relay.Recipient) { r.Route, r.Eligible, r.Failures = "s", []string{"z"}, 0 },
		},
		{
			name: "none", noWay: true,
			want: func(r *relay.Recipient) {
				r.State, r.NextAttempt = relay.Held, time.Time{}
				r.HoldReason = `no route of the configuration matches it any more (it was "r")`
			},
			kind: relay.EventHeld, detail: `no route of the configuration matches it any more (it was "r")`,
		},
		{
			name: "discard", a: with(func(a *relay.Assignment) { a.Action = relay.RouteDiscard }),
			want: func(r *relay.Recipient) {
				r.State, r.NextAttempt, r.FinishedAt = relay.Deleted, time.Time{}, now
			},
			kind: relay.EventDeleted, detail: "route r discards it",
		},
		{
			name: "hold", a: with(func(a *relay.Assignment) { a.Action = relay.RouteHold }),
			want: func(r *relay.Recipient) {
				r.State, r.NextAttempt, r.HoldReason = relay.Held, time.Time{}, "held by route r"
			},
			kind: relay.EventHeld, detail: "route r holds it",
		},
		{
			name: "redirect",
			a:    with(func(a *relay.Assignment) { a.Action, a.RedirectTo = relay.RouteRedirect, "qa@team.example" }),
			want: func(r *relay.Recipient) {
				r.Address, r.OriginalRecipient = "qa@team.example", "rfc822;a@customer.example"
			},
			kind: relay.EventRedirected, detail: "route r sends it to qa@team.example instead",
		},
		{
			name: "redirected before",
			a:    with(func(a *relay.Assignment) { a.Action, a.RedirectTo = relay.RouteRedirect, "a@customer.example" }),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := queued
			if tt.want != nil {
				tt.want(&want)
			}
			got := followRoute(queued, tt.a, !tt.noWay, delivery.InDoubtRetry, now)
			if !reflect.DeepEqual(got.to, want) {
				t.Errorf("got\n%+v, want\n%+v", got.to, want)
			}
			if got.kind != tt.kind || got.detail != tt.detail || (got.incident != nil) != tt.noWay {
				t.Errorf("told %q, %q, incident %+v", got.kind, got.detail, got.incident)
			}
		})
	}
}

// What may have been delivered by an upstream goes to no other by itself, however
// the routes change.
func TestFollowKeepsDoubtsWhereTheyAre(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	later := now.Add(time.Minute)
	for _, tt := range []struct {
		name   string
		policy delivery.InDoubt
		a      relay.Assignment
		state  relay.State
		chain  []string
	}{
		{"nothing new", delivery.InDoubtRetry, relay.Assignment{Route: "r", Upstreams: []string{"x", "y"}}, relay.Queued, []string{"x"}},
		{"another first", delivery.InDoubtRetry, relay.Assignment{Route: "r", Upstreams: []string{"y", "x"}}, relay.Queued, []string{"x"}},
		{"it is not on the way any more", delivery.InDoubtRetry, relay.Assignment{Route: "r", Upstreams: []string{"y"}}, relay.Held, []string{"x"}},
		{"on another route neither", delivery.InDoubtRetry, relay.Assignment{Route: "s", Upstreams: []string{"y"}}, relay.Held, []string{"x"}},
		{"another copy is wanted", delivery.InDoubtFailover, relay.Assignment{Route: "s", Upstreams: []string{"y"}}, relay.Queued, []string{"y"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := relay.Recipient{State: relay.Queued, Route: "r", Eligible: []string{"x"}, Upstream: "x", InDoubt: 1, NextAttempt: later}
			o := followRoute(r, tt.a, true, tt.policy, now)
			if o.to.State != tt.state || !slices.Equal(o.to.Eligible, tt.chain) || (o.incident != nil) != (tt.state == relay.Held) {
				t.Errorf("%s by %v, incident %+v", o.to.State, o.to.Eligible, o.incident)
			}
		})
	}
}

// Mail waits for an upstream; where that is not on its way any more there is
// nothing left to wait for.
func TestFollowDoesNotWaitForWhoIsGone(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	for _, tt := range []struct {
		name     string
		scope    relay.Scope
		upstream string
		to       []string
		want     time.Time
	}{
		{"the upstream that fails is gone", relay.ScopeUpstream, "x", []string{"z"}, now},
		{"it is asked after another now", relay.ScopeUpstream, "x", []string{"z", "x"}, later},
		{"the recipient is to blame", relay.ScopeRecipient, "x", []string{"z"}, later},
		{"nobody was asked yet", relay.ScopeNone, "", []string{"z"}, later},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := relay.Recipient{
				State: relay.Queued, Route: "r", Eligible: []string{"x"}, NextAttempt: later,
				Upstream: tt.upstream, Last: relay.Verdict{Scope: tt.scope},
			}
			o := followRoute(r, relay.Assignment{Route: "s", Upstreams: tt.to}, true, delivery.InDoubtRetry, now)
			if !o.to.NextAttempt.Equal(tt.want) {
				t.Errorf("due at %s, want %s", o.to.NextAttempt, tt.want)
			}
		})
	}
}
