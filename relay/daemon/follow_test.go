package daemon

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
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
				r.State, r.NextAttempt, r.HoldReason = relay.Held, time.Time{}, relay.HoldOperator
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
			got := followRoute(queued, tt.a, !tt.noWay, now)
			if !reflect.DeepEqual(got.to, want) {
				t.Errorf("got\n%+v, want\n%+v", got.to, want)
			}
			if got.kind != tt.kind || got.detail != tt.detail || got.noRoute != tt.noWay {
				t.Errorf("told %q, %q, without a route %v", got.kind, got.detail, got.noRoute)
			}
		})
	}
}

// TestMergeRedirected redirects some recipients of a message to q.
func TestMergeRedirected(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	redirected := func(address string) outcome {
		return outcome{
			kind: relay.EventRedirected,
			to:   relay.Recipient{Address: "q", OriginalRecipient: "rfc822;" + address, State: relay.Queued},
		}
	}
	is := func(s relay.State) outcome { return outcome{to: relay.Recipient{Address: "q", State: s}} }
	tests := []struct {
		name   string
		all    []outcome
		merged []int
	}{
		{"one", []outcome{redirected("a")}, nil},
		{"two", []outcome{redirected("a"), redirected("b")}, []int{1}},
		{"who is queued before", []outcome{is(relay.Queued), redirected("b")}, []int{1}},
		{"who is queued behind", []outcome{redirected("a"), is(relay.Queued)}, []int{0}},
		{"who has got it", []outcome{redirected("a"), redirected("b"), is(relay.Delivered)}, []int{0, 1}},
		{"who did not get it", []outcome{is(relay.Bounced), is(relay.Held), is(relay.Deleted), is(relay.Expired), redirected("b")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := make([]relay.Recipient, len(tt.all))
			for i := range before {
				before[i] = relay.Recipient{Address: string(rune('a' + i)), State: relay.Queued}
			}
			mergeRedirected(tt.all, before, now)
			for i, o := range tt.all {
				if o.kind != relay.EventRedirected {
					continue
				}
				merged := o.to.State == relay.Deleted && o.to.FinishedAt.Equal(now) && o.to.Address == before[i].Address && o.to.OriginalRecipient == ""
				kept := o.to.State == relay.Queued && o.to.Address == "q"
				if want := slices.Contains(tt.merged, i); merged != want || kept == want {
					t.Errorf("recipient %d became %+v, want merged %v", i, o.to, want)
				}
			}
		})
	}
}
