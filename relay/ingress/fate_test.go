package ingress

import (
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

// staging does what the domain of a recipient says.
type staging struct{ seeds []string }

func (*staging) Possible(relay.RouteQuery) bool { return true }

func (s *staging) Route(q relay.RouteQuery, now time.Time) (relay.Assignment, bool) {
	s.seeds = append(s.seeds, q.Seed)
	_, name, _ := strings.Cut(q.Recipient, "@")
	name = strings.TrimSuffix(name, ".example")
	a := relay.Assignment{Route: name, Upstreams: []string{"up"}, ExpiresAt: now.Add(time.Hour)}
	switch name {
	case "discard":
		a.Action = relay.RouteDiscard
	case "hold":
		a.Action = relay.RouteHold
	case "redirect":
		a.Action, a.RedirectTo = relay.RouteRedirect, "qa@team.example"
	case "nowhere":
		return relay.Assignment{}, false
	}
	return a, true
}

// fate is what is to become of a recipient, in short.
type fate struct {
	address, original string
	state             relay.State
}

// told is an event about one recipient, in short.
type told struct {
	kind       relay.EventKind
	to, detail string
}

// TestRouteActions sends mail by hand and looks at what the spool is given and
// what is told.
func TestRouteActions(t *testing.T) {
	const intoQA = "route redirect sends it to qa@team.example instead"
	tests := []struct {
		name  string
		rcpts []string
		fates []fate
		told  []told
	}{
		{
			"deliver", []string{"<a@team.example>"},
			[]fate{{"a@team.example", "", relay.Queued}}, nil,
		},
		{
			"discard", []string{"<a@discard.example>"},
			[]fate{{"a@discard.example", "", relay.Deleted}},
			[]told{{relay.EventDeleted, "a@discard.example", "route discard discards it"}},
		},
		{
			"hold", []string{"<a@hold.example>"},
			[]fate{{"a@hold.example", "", relay.Held}},
			[]told{{relay.EventHeld, "a@hold.example", "route hold holds it"}},
		},
		{
			"redirect", []string{"<a@redirect.example>"},
			[]fate{{"qa@team.example", "rfc822;a@redirect.example", relay.Queued}},
			[]told{{relay.EventRedirected, "a@redirect.example", intoQA}},
		},
		{
			"redirect, with an original recipient", []string{"<a@redirect.example> ORCPT=rfc822;list@else.example"},
			[]fate{{"qa@team.example", "rfc822;list@else.example", relay.Queued}},
			[]told{{relay.EventRedirected, "a@redirect.example", intoQA}},
		},
		{
			"redirect, beyond ASCII", []string{"<grüße@redirect.example>"},
			[]fate{{"qa@team.example", "utf-8;grüße@redirect.example", relay.Queued}},
			[]told{{relay.EventRedirected, "grüße@redirect.example", intoQA}},
		},
		{
			"redirect of several", []string{"<a@redirect.example>", "<b@redirect.example>"},
			[]fate{{"qa@team.example", "rfc822;a@redirect.example", relay.Queued}},
			[]told{
				{relay.EventRedirected, "a@redirect.example", intoQA},
				{relay.EventRedirected, "b@redirect.example", intoQA + ", which gets it already"},
			},
		},
		{
			"redirect to who is there", []string{"<qa@TEAM.example>", "<b@redirect.example>"},
			[]fate{{"qa@TEAM.example", "", relay.Queued}},
			[]told{{relay.EventRedirected, "b@redirect.example", intoQA + ", which gets it already"}},
		},
		{
			"redirect, then who it goes to", []string{"<b@redirect.example>", "<qa@team.example>"},
			[]fate{{"qa@team.example", "rfc822;b@redirect.example", relay.Queued}},
			[]told{{relay.EventRedirected, "b@redirect.example", intoQA}},
		},
		{
			"of each", []string{"<a@discard.example>", "<b@redirect.example>", "<c@hold.example>", "<d@team.example>"},
			[]fate{
				{"a@discard.example", "", relay.Deleted},
				{"qa@team.example", "rfc822;b@redirect.example", relay.Queued},
				{"c@hold.example", "", relay.Held},
				{"d@team.example", "", relay.Queued},
			},
			[]told{
				{relay.EventDeleted, "a@discard.example", "route discard discards it"},
				{relay.EventRedirected, "b@redirect.example", intoQA},
				{relay.EventHeld, "c@hold.example", "route hold holds it"},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			router := &staging{}
			w := start(t, func(_ *Options, d *Deps, _ *recorder) { d.Router = router })
			d := w.greeted()
			d.ask("MAIL FROM:<a@from.example> SMTPUTF8", "250 ")
			for _, to := range tt.rcpts {
				d.ask("RCPT TO:"+to, "250 ")
			}
			d.ask("DATA", "354 ")
			d.ask("Date: now\r\nFrom: a@b\r\nMessage-ID: <1@x>\r\n\r\nx\r\n.", queuedPrefix)

			m := w.one()
			var fates []fate
			for _, r := range m.to {
				fates = append(fates, fate{r.Address, r.OriginalRecipient, r.State})
				checkFate(t, m.m, r)
			}
			if !slices.Equal(fates, tt.fates) {
				t.Errorf("the spool was given\n%v, want\n%v", fates, tt.fates)
			}
			if got := w.sink.told(m.m.ID); !slices.Equal(got, tt.told) {
				t.Errorf("told\n%v, want\n%v", got, tt.told)
			}
			if e := w.sink.of(relay.EventAccepted); len(e) != 1 || e[0].Others != len(tt.rcpts)-1 {
				t.Errorf("accepted: %+v", e)
			}
			for _, seed := range router.seeds {
				if seed != string(m.m.ID) {
					t.Errorf("routed with the seed %q, want the id", seed)
				}
			}
		})
	}
}

// checkFate looks at what goes with a state.
func checkFate(t *testing.T, m relay.Message, r relay.Recipient) {
	t.Helper()
	ok := r.Route != "" && len(r.Eligible) == 1 && !r.ExpiresAt.IsZero()
	switch r.State {
	case relay.Queued:
		ok = ok && r.NextAttempt.Equal(m.ReceivedAt) && r.HoldReason == "" && r.FinishedAt.IsZero()
	case relay.Held:
		ok = ok && r.NextAttempt.IsZero() && relay.HeldOnPurpose(r.HoldReason) && r.FinishedAt.IsZero()
	case relay.Deleted:
		ok = ok && r.NextAttempt.IsZero() && r.HoldReason == "" && r.FinishedAt.Equal(m.ReceivedAt)
	}
	if !ok {
		t.Errorf("recipient %+v", r)
	}
}

// told gives what was told of the recipients of a message, in short.
func (s *sink) told(id relay.ID) (all []told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Message == id && e.Kind != relay.EventAccepted {
			all = append(all, told{e.Kind, e.To, e.Detail})
		}
	}
	return all
}

// TestRefusedWholeThoughRedirected: a message that the header leaves without a
// way for one recipient is refused for all, and nothing was done for any.
func TestRefusedWholeThoughRedirected(t *testing.T) {
	w := start(t, func(_ *Options, d *Deps, _ *recorder) { d.Router = &staging{} })
	d := w.greeted()
	d.ask("MAIL FROM:<a@from.example>", "250 ")
	d.ask("RCPT TO:<a@redirect.example>", "250 ")
	d.ask("RCPT TO:<a@nowhere.example>", "250 ")
	d.ask("DATA", "354 ")
	d.ask("A: b\r\n\r\nx\r\n.", "550 5.1.2")
	w.none()
	if e := w.sink.of(relay.EventRedirected); len(e) != 0 {
		t.Errorf("told %+v", e)
	}
	if e := w.sink.of(relay.EventRejected); len(e) != 1 || e[0].To != "a@redirect.example" {
		t.Errorf("told %+v", e)
	}
}
