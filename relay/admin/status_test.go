package admin

import (
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

func TestJudge(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	up := Upstream{Name: "ses", State: UpstreamUp}
	slow := Upstream{Name: "slow", State: UpstreamSlow, Reason: "it wants to be asked less"}
	down := Upstream{Name: "old", State: UpstreamDown, Reason: "dial: connection refused"}
	paused := Upstream{Name: "old", State: UpstreamPaused, PausedBy: "anna"}
	listening := ListenerStatus{Name: "local", Addresses: []string{"tcp 127.0.0.1:2525"}}
	for _, tt := range []struct {
		name string
		in   Status
		want Health
		why  []string
	}{
		{"all is well", Status{Upstreams: []Upstream{up, slow}, Listeners: []ListenerStatus{listening}}, HealthFine, []string{}},
		{"the spool is full", Status{Refusing: "the disk is full", Upstreams: []Upstream{up}}, HealthCritical, []string{"mail is refused: the disk is full"}},
		{"nobody listens", Status{Listeners: []ListenerStatus{{Name: "local"}}, Upstreams: []Upstream{up}}, HealthCritical, []string{"listener local listens nowhere"}},
		{"one of two is down", Status{Upstreams: []Upstream{up, down}}, HealthWarning, []string{"upstream old is down: dial: connection refused"}},
		{"one is paused", Status{Upstreams: []Upstream{up, paused}}, HealthWarning, []string{"upstream old is paused by anna"}},
		{"nobody takes mail", Status{Upstreams: []Upstream{down}}, HealthCritical, []string{"no upstream takes mail", "upstream old is down: dial: connection refused"}},
		{
			"an incident tells of its upstream",
			Status{Upstreams: []Upstream{up, down}, Incidents: []Incident{{Number: 3, Kind: relay.IncidentUpstream, Upstream: "old", Detail: "old is not used"}}},
			HealthWarning, []string{"incident 3: old is not used"},
		},
		{
			"a warning about an upstream does not tell how it stands",
			Status{Upstreams: []Upstream{up, down}, Incidents: []Incident{{Number: 3, Kind: relay.IncidentWarning, Upstream: "old", Detail: "credits are used up"}}},
			HealthWarning, []string{"incident 3: credits are used up", "upstream old is down: dial: connection refused"},
		},
		{
			"who has paused it is told in any case",
			Status{Upstreams: []Upstream{up, paused}, Incidents: []Incident{{Number: 3, Kind: relay.IncidentUpstream, Upstream: "old", Detail: "old is not used"}}},
			HealthWarning, []string{"incident 3: old is not used", "upstream old is paused by anna"},
		},
		{
			"mail waits for long",
			Status{Oldest: Time{now.Add(-5 * time.Hour)}, Recipients: map[relay.State]int64{relay.Queued: 1}},
			HealthWarning, []string{"the oldest mail has waited since 2026-11-24T07:00:00Z"},
		},
		{"mail is held for long", Status{Oldest: Time{now.Add(-5 * time.Hour)}, Recipients: map[relay.State]int64{relay.Held: 1}}, HealthFine, []string{}},
		{"mail waits for a while", Status{Oldest: Time{now.Add(-time.Hour)}, Recipients: map[relay.State]int64{relay.Queued: 1}}, HealthFine, []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Judge(now)
			if tt.in.Status != tt.want || !slices.Equal(tt.in.Reasons, tt.why) || tt.in.Reasons == nil {
				t.Errorf("%s %q, want %s %q", tt.in.Status, tt.in.Reasons, tt.want, tt.why)
			}
		})
	}
}

func TestCountStates(t *testing.T) {
	got := CountStates([]spool.Count{{State: relay.Queued, Upstream: "a", N: 2}, {State: relay.Queued, Upstream: "b", N: 3}, {State: relay.Bounced, N: 9}})
	if len(got) != 3 || got[relay.Queued] != 5 || got[relay.Held] != 0 {
		t.Errorf("%v", got)
	}
}
