package daemon

import (
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/route"
)

// A notice takes the route that matches it, else that of the mail that failed,
// and follows what is said there.
func TestWayOfANotice(t *testing.T) {
	now := time.Date(2026, 11, 12, 14, 3, 0, 0, time.UTC)
	table := route.New([]route.Route{
		{Name: "notices", Match: route.Match{Sender: []string{""}, Recipient: []string{"*@here.example"}}, Upstreams: []string{"a"}, Expire: time.Hour, WarnAfter: time.Minute},
		{Name: "otp", Match: route.Match{Sender: []string{"*@otp.example"}}, Upstreams: []string{"b"}, Expire: time.Minute, Priority: relay.High},
		{Name: "staging", Match: route.Match{Listener: []string{"staging"}}, Upstreams: []string{"a"}, Expire: time.Hour, Action: relay.RouteRedirect, RedirectTo: "qa@example.com"},
		{Name: "off", Match: route.Match{Listener: []string{"off"}}, Upstreams: []string{"a"}, Expire: time.Hour, Action: relay.RouteDiscard},
	})
	tests := []struct {
		to, failed string
		ok         bool
		want       relay.Recipient
		kind       relay.EventKind
	}{
		{"ada@here.example", "otp", true, relay.Recipient{Address: "ada@here.example", Route: "notices", ExpiresAt: now.Add(time.Hour), State: relay.Queued}, ""},
		{"ada@else.example", "otp", true, relay.Recipient{Address: "ada@else.example", Route: "otp", ExpiresAt: now.Add(time.Minute), State: relay.Queued, Priority: relay.High}, ""},
		{"ada@else.example", "staging", true, relay.Recipient{Address: "qa@example.com", Route: "staging", ExpiresAt: now.Add(time.Hour), State: relay.Queued}, relay.EventRedirected},
		{"ada@else.example", "off", true, relay.Recipient{Address: "ada@else.example", Route: "off", ExpiresAt: now.Add(time.Hour), State: relay.Deleted}, relay.EventDeleted},
		{"ada@else.example", "gone", false, relay.Recipient{Address: "ada@else.example"}, ""},
	}
	for _, tt := range tests {
		r, kind, _, ok := noticeRouter{table}.Way(relay.RouteQuery{Recipient: tt.to}, relay.Recipient{Address: tt.to}, tt.failed, now)
		got := relay.Recipient{Address: r.Address, Route: r.Route, ExpiresAt: r.ExpiresAt, State: r.State, Priority: r.Priority}
		if ok != tt.ok || kind != tt.kind || got.Address != tt.want.Address || got.Route != tt.want.Route ||
			!got.ExpiresAt.Equal(tt.want.ExpiresAt) || got.State != tt.want.State || got.Priority != tt.want.Priority || !r.WarnAt.IsZero() {
			t.Errorf("to %s after %s: %+v, %s, %v", tt.to, tt.failed, r, kind, ok)
		}
	}
}
