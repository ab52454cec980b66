package operate

import (
	"context"
	"fmt"
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
		{"bounce queued", Bounce, relay.Recipient{State: relay.Queued}, true, true, "bounced "},
		{"bounce held", Bounce, relay.Recipient{State: relay.Held, HoldReason: "x", Incident: 3}, true, false, "bounced "},
		{"bounce expired", Bounce, relay.Recipient{State: relay.Expired}, true, false, ""},
		{"redirect held", Redirect, relay.Recipient{State: relay.Held, Incident: 3, InDoubt: 1, Upstream: "b"}, true, false, "queued a,b"},
		{"redirect bounced", Redirect, relay.Recipient{State: relay.Bounced, Reported: true}, true, false, "queued a,b"},
		{"redirect bounced without its body", Redirect, relay.Recipient{State: relay.Bounced}, false, false, ""},
		{"redirect to itself", Redirect, relay.Recipient{Address: "qa@EXAMPLE.com", State: relay.Queued}, true, false, ""},
		{"redirect without a route", Redirect, relay.Recipient{State: relay.Queued}, true, true, ""},
		{"redirect delivered", Redirect, relay.Recipient{State: relay.Delivered}, true, false, ""},
		{"delete bounced", Delete, relay.Recipient{State: relay.Bounced}, true, false, ""},
	} {
		sc := scene{hasBody: tt.body, way: way, routed: !tt.gone, now: time.Unix(100, 0)}
		d, ok := decide(Wish{Action: tt.a, To: "qa@example.com", By: "root"}, tt.r, sc)
		got := ""
		if ok {
			got = d.to.State.String() + " " + strings.Join(d.to.Eligible, ",")
		}
		if got != tt.want || ok && (d.kind == "" || !strings.HasSuffix(d.detail, " by root") || d.to.Incident != 0 || d.to.Reported) {
			t.Errorf("%s: %q, want %q; %+v", tt.name, got, tt.want, d)
		}
	}
}

func TestSends(t *testing.T) {
	for way, want := range map[*relay.Assignment]bool{
		{}:                           true,
		{Action: relay.RouteHold}:    true,
		{Action: relay.RouteDiscard}: false,
		{Action: relay.RouteRedirect, RedirectTo: "b@example.com"}: false,
		{Action: relay.RouteRedirect, RedirectTo: "a@example.com"}: true,
	} {
		if got := sends(*way, "a@example.com"); got != want {
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
		if got, err := o.Act(context.Background(), Wish{Action: step.a, By: "root"}, step.f); err != nil || got != step.want {
			t.Errorf("%s: %+v %v, want %+v", step.a, got, err, step.want)
		}
	}
	e, err := s.Get(t.Context(), m.ID)
	if err != nil || !e.Finished() || len(e.Events) != 4 || len(told) != 4 {
		t.Errorf("%+v %v, told %d", e, err, len(told))
	}
}

func TestParseWish(t *testing.T) {
	for _, tt := range []struct{ action, to, want string }{
		{"bounce", "", ""},
		{"redirect", "<qa@example.com>", ""},
		{"redirect", "", "redirect needs the address that the mail goes to instead"},
		{"redirect", "qa", `cannot redirect to "qa": malformed address: `},
		{"hold", "qa@example.com", "hold takes no address"},
		{"burn", "", `no such action as "burn"`},
	} {
		w, err := ParseWish(tt.action, tt.to)
		if got := fmt.Sprint(err); tt.want == "" && err != nil || tt.want != "" && !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s %s: %v", tt.action, tt.to, err)
		}
		if tt.want == "" && tt.to != "" && w.To != "qa@example.com" {
			t.Errorf("%+v", w)
		}
	}
}

// Recipients that are redirected to one address get one copy, and none where it
// gets the message already.
func TestRedirectOnce(t *testing.T) {
	s := spooltest.NewMemory()
	m := spooltest.Accept(t, s, "x", spooltest.Recipients("a", "1@example.com", "2@example.com", "3@example.com")...)
	o := Operator{Spool: s, Route: func(_ relay.Message, r relay.Recipient, _ time.Time) (relay.Assignment, bool) {
		if r.Address != "3@Example.com" {
			t.Errorf("the way of %s", r.Address)
		}
		return relay.Assignment{Route: "r", Upstreams: []string{"b"}}, true
	}}
	w := Wish{Action: Redirect, To: "3@Example.com", By: "root"}
	if got, err := o.Act(t.Context(), w, spool.Filter{To: "[12]@*"}); err != nil || got != (Done{Messages: 1, Recipients: 2}) {
		t.Errorf("%+v %v", got, err)
	}
	w.To = "qa@example.com"
	o.Route = func(relay.Message, relay.Recipient, time.Time) (relay.Assignment, bool) {
		return relay.Assignment{Route: "r", Upstreams: []string{"b"}}, true
	}
	if got, err := o.Act(t.Context(), w, spool.Filter{}); err != nil || got != (Done{Messages: 1, Recipients: 1}) {
		t.Errorf("%+v %v", got, err)
	}
	e, err := s.Get(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range e.Recipients {
		got = append(got, r.Address+" "+r.State.String()+" "+r.OriginalRecipient)
	}
	want := "1@example.com deleted , 2@example.com deleted , qa@example.com queued rfc822;3@example.com"
	if strings.Join(got, ", ") != want || !strings.HasSuffix(e.Events[0].Detail, "which gets it already") {
		t.Errorf("%s; %+v", strings.Join(got, ", "), e.Events)
	}
}

// reporter makes a notice of what has bounced.
type reporter struct{}

func (reporter) Report(_ relay.Message, _ relay.Body, settled []relay.Recipient, _ bool, _ time.Time) func([]relay.Recipient) []spool.Notice {
	return func(finished []relay.Recipient) []spool.Notice {
		return []spool.Notice{{
			Message: &relay.Message{ID: spool.NewID()}, Recipients: spooltest.Recipients("a", finished[0].Address),
			Events: []relay.Event{{Kind: relay.EventAccepted, Detail: finished[0].Last.Text}},
		}}
	}
}

func TestBounceIsTold(t *testing.T) {
	s := spooltest.NewMemory()
	spooltest.Accept(t, s, "x", spooltest.Recipients("a", "1@example.com")...)
	var told []relay.Event
	o := Operator{Spool: s, Reporter: reporter{}, Emit: func(e relay.Event) { told = append(told, e) }}
	if got, err := o.Act(t.Context(), Wish{Action: Bounce, By: "root"}, spool.Filter{}); err != nil || got.Recipients != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if len(told) != 2 || told[0].Kind != relay.EventBounced || told[1].Detail != "given up by the people who run this relay" {
		t.Errorf("%+v", told)
	}
}
