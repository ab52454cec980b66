package daemon_test

import (
	"net/smtp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
	"relaykeep/relay/daemon"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// What was queued follows what today's route does: into the history, into the
// hands of an operator, or to another address, once.
func TestQueuedMailFollowsRouteActions(t *testing.T) {
	tests := []struct {
		name  string
		do    func(*daemon.Options)
		tells []relay.EventKind
		want  []relay.Recipient
	}{
		{
			"discard", func(o *daemon.Options) { o.Config.Routes[0].Action = relay.RouteDiscard },
			[]relay.EventKind{relay.EventDeleted, relay.EventDeleted},
			[]relay.Recipient{{Address: "b@example.com", State: relay.Deleted}, {Address: "c@example.com", State: relay.Deleted}},
		},
		{
			"hold", func(o *daemon.Options) { o.Config.Routes[0].Action = relay.RouteHold },
			[]relay.EventKind{relay.EventHeld, relay.EventHeld},
			[]relay.Recipient{
				{Address: "b@example.com", State: relay.Held, HoldReason: "held by route default"},
				{Address: "c@example.com", State: relay.Held, HoldReason: "held by route default"},
			},
		},
		{
			"redirect", func(o *daemon.Options) {
				o.Config.Routes[0].Action, o.Config.Routes[0].RedirectTo = relay.RouteRedirect, "qa@example.net"
			},
			[]relay.EventKind{relay.EventRedirected, relay.EventRedirected},
			[]relay.Recipient{
				{Address: "qa@example.net", State: relay.Queued, OriginalRecipient: "rfc822;b@example.com"},
				{Address: "c@example.com", State: relay.Deleted},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkGoroutines(t)
			p := newPlace(t, "127.0.0.1:1")
			d := start(t, p.options(t))
			waitServing(t, d)
			if err := smtp.SendMail(d.Addrs()["local"][0].String(), nil, "a@example.org", []string{"b@example.com", "c@example.com"}, []byte("Subject: x\r\n\r\n")); err != nil {
				t.Error(err)
			}
			if err := d.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			o := p.options(t)
			tt.do(&o)
			seen := make(watch, 100)
			o.Watch = seen
			startRerouted(t, o)
			var told []relay.EventKind
			for len(told) < len(tt.tells) {
				if e := <-seen; slices.Contains(tt.tells, e.Kind) {
					told = append(told, e.Kind)
				}
			}
			for i, r := range recipients(t, p) {
				got := relay.Recipient{Address: r.Address, State: r.State, HoldReason: r.HoldReason, OriginalRecipient: r.OriginalRecipient}
				if i >= len(tt.want) || got.Address != tt.want[i].Address || got.State != tt.want[i].State ||
					got.HoldReason != tt.want[i].HoldReason || got.OriginalRecipient != tt.want[i].OriginalRecipient {
					t.Errorf("recipient %d is %+v", i, got)
				}
			}
		})
	}
}

// The incident of mail without a route is kept, and holds what it names.
func TestMailWithoutARouteHasAnIncident(t *testing.T) {
	p := newPlace(t, "127.0.0.1:1")
	d := start(t, p.options(t))
	waitServing(t, d)
	send(t, d)
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	o := p.options(t)
	o.Config.Routes[0].Match.Sender = []string{"*@elsewhere.example"}
	seen := make(watch, 100)
	o.Watch = seen
	startRerouted(t, o)
	for e := range seen {
		if e.Kind == relay.EventHeld {
			if e.Incident == 0 {
				t.Error("the event names no incident")
			}
			break
		}
	}
	s, err := bolt.Open(bolt.Options{Path: p.spool, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	open, err := s.Incidents(t.Context(), false)
	if err != nil || len(open) != 1 || open[0].Kind != relay.IncidentRoute || open[0].Held != 1 {
		t.Errorf("incidents: %+v, %v", open, err)
	}
}

// startRerouted starts a daemon and stops it once mail of an earlier
// configuration has been rerouted: it says so in its log.
func startRerouted(t *testing.T, o daemon.Options) {
	t.Helper()
	done := make(lines, 100)
	o.Logger = hclog.New(&hclog.LoggerOptions{Output: done})
	d := start(t, o)
	for line := range done {
		if strings.Contains(line, "follows today's routes") {
			break
		}
	}
	waitServing(t, d)
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// lines hands on what is logged; it has room for all of a test.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// recipients reads those in the spool of a daemon that has been stopped, and
// verifies it.
func recipients(t *testing.T, p place) (all []relay.Recipient) {
	t.Helper()
	s, err := bolt.Open(bolt.Options{Path: p.spool, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	err = s.List(t.Context(), spool.Filter{AnyState: true}, func(e spool.Entry) error {
		all = append(all, e.Recipients...)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}
