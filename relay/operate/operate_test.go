package operate

import (
	"context"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

func TestDecide(t *testing.T) {
	way := relay.Assignment{Route: "today", Upstreams: []string{"a", "b"}, ExpiresAt: time.Unix(900, 0)}
	for _, tt := range []struct {
		name string
		a    Action
		r    relay.Recipient
		body bool
		gone bool // no route takes it
		want string
	}{
		{"retry queued", Retry, relay.Recipient{State: relay.Queued}, true, false, "queued a,b"},
		{"retry without a route", Retry, relay.Recipient{State: relay.Queued}, true, true, ""},
		{"retry bounced", Retry, relay.Recipient{State: relay.Bounced, Reported: true, InDoubt: 1, Upstream: "b"}, true, false, "queued a,b"},
		{"retry bounced without its body", Retry, relay.Recipient{State: relay.Bounced}, false, false, ""},
		{"retry held", Retry, relay.Recipient{State: relay.Held}, true, false, ""},
		{"retry delivered", Retry, relay.Recipient{State: relay.Delivered}, true, false, ""},
		{"release held", Release, relay.Recipient{State: relay.Held, HoldReason: "x", Incident: 3}, true, false, "queued a,b"},
		{"release in doubt", Release, relay.Recipient{State: relay.Held, InDoubt: 2, Upstream: "b"}, true, false, "queued b"},
		{"release in doubt elsewhere", Release, relay.Recipient{State: relay.Held, InDoubt: 2, Upstream: "gone"}, true, false, "queued a,b"},
		{"release queued", Release, relay.Recipient{State: relay.Queued}, true, false, ""},
		{"hold queued", Hold, relay.Recipient{State: relay.Queued}, true, false, "held "},
		{"hold what an incident holds", Hold, relay.Recipient{State: relay.Held, HoldReason: "x", Incident: 3}, true, false, "held "},
		{"hold held", Hold, relay.Recipient{State: relay.Held, HoldReason: relay.HoldOperator}, true, false, ""},
		{"delete held", Delete, relay.Recipient{State: relay.Held, Incident: 3}, true, true, "deleted "},
		{"delete bounced", Delete, relay.Recipient{State: relay.Bounced}, true, false, ""},
	} {
		sc := scene{hasBody: tt.body, way: way, routed: !tt.gone, by: "root", now: time.Unix(100, 0)}
		out, kind, detail, ok := decide(tt.a, tt.r, sc)
		got := ""
		if ok {
			got = out.State.String() + " " + strings.Join(out.Eligible, ",")
		}
		if got != tt.want || ok && (kind == "" || !strings.HasSuffix(detail, " by root") || out.Incident != 0 || out.Reported) {
			t.Errorf("%s: %q (%s %s), want %q; %+v", tt.name, got, kind, detail, tt.want, out)
		}
	}
}

func TestSends(t *testing.T) {
	r := relay.Recipient{Address: "a@example.com"}
	for way, want := range map[*relay.Assignment]bool{
		{}:                           true,
		{Action: relay.RouteHold}:    true,
		{Action: relay.RouteDiscard}: false,
		{Action: relay.RouteRedirect, RedirectTo: "b@example.com"}: false,
		{Action: relay.RouteRedirect, RedirectTo: "a@example.com"}: true,
	} {
		if got := sends(*way, r); got != want {
			t.Errorf("%+v: %v", way, got)
		}
	}
}

func TestAct(t *testing.T) {
	s := spooltest.NewMemory()
	s.Open("a", true)
	m := spooltest.Accept(t, s, "x", spooltest.Recipients("a", "1@example.com", "2@example.com")...)
	var told []relay.Event
	o := Operator{
		Spool: s, Emit: func(e relay.Event) { told = append(told, e) },
		Route: func(relay.Message, relay.Recipient, time.Time) (relay.Assignment, bool) {
			return relay.Assignment{Upstreams: []string{"a"}, Action: relay.RouteHold}, true
		},
	}
	for _, step := range []struct {
		a    Action
		f    spool.Filter
		want Done
	}{
		{Hold, spool.Filter{To: "1@*"}, Done{Messages: 1, Recipients: 1}},
		{Hold, spool.Filter{To: "1@*"}, Done{Unfit: 1}},
		{Release, spool.Filter{}, Done{Messages: 1, Recipients: 1, Unfit: 1}},
		{Delete, spool.Filter{}, Done{Messages: 1, Recipients: 2}},
		{Retry, spool.Filter{AnyState: true}, Done{Unfit: 2}},
	} {
		if got, err := o.Act(context.Background(), step.a, step.f, "root"); err != nil || got != step.want {
			t.Errorf("%s: %+v %v, want %+v", step.a, got, err, step.want)
		}
	}
	e, err := s.Get(t.Context(), m.ID)
	if err != nil || !e.Finished() || len(e.Events) != 4 || len(told) != 4 {
		t.Errorf("%+v %v, told %d", e, err, len(told))
	}
}
