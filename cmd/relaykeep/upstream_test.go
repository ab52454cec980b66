package main

import (
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

func upstreams() []admin.Upstream {
	left := int64(120)
	return []admin.Upstream{
		{Name: "ses", State: admin.UpstreamUp, Breaker: "closed", InFlight: 2, Connections: 10, Rate: "14/s", QuotaRemaining: &left},
		{
			Name: "backup", State: admin.UpstreamDown, Breaker: "open", Connections: 5,
			Until: admin.Time{Time: listNow.Add(time.Minute)}, Reason: "dial tcp: connection refused",
		},
		{
			Name: "old", State: admin.UpstreamDisabled, Breaker: "open", Connections: 5, Incident: 3,
			Until: admin.Time{Time: listNow.Add(48 * time.Hour)}, Reason: "535 5.7.8 no such\x1b user",
		},
		{Name: "third", State: admin.UpstreamPaused, PausedBy: "root", Breaker: "closed", Connections: 1},
	}
}

func TestUpstreamTable(t *testing.T) {
	whole := `UPSTREAM  STATE                           SENDING  RATE  QUOTA     BREAKER  WHY
ses       up                              2/10     14/s  120 left  closed
backup    down until ` + clock(listNow.Add(time.Minute), listNow) + `            0/5      -     -         open     dial tcp: connection refused
old       disabled, probed at ` + clock(listNow.Add(48*time.Hour), listNow) + ` 0/5      -     -         open     incident 3: 535 5.7.8 no such\x1b user
third     paused by root                  0/1      -     -         closed
`
	got := upstreamTable(upstreams(), 0, false, listNow)
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if squeeze(got) != squeeze(whole) {
		t.Errorf("got\n%s", got)
	}
	for _, width := range []int{40, 80, 120} {
		narrow := upstreamTable(upstreams(), width, false, listNow)
		for line := range strings.Lines(narrow) {
			if n := cells(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d of %d columns: %s", n, width, line)
			}
		}
		if !strings.Contains(squeeze(narrow), "incident 3: 535 5.7.8 no such\\x1b user") {
			t.Errorf("in %d columns the reason is lost:\n%s", width, narrow)
		}
	}
}

func TestUpstreamState(t *testing.T) {
	later, past := admin.Time{Time: listNow.Add(time.Hour)}, admin.Time{Time: listNow.Add(-time.Hour)}
	for want, u := range map[string]admin.Upstream{
		"up":   {State: admin.UpstreamUp, Until: later},
		"down": {State: admin.UpstreamDown, Until: past},
		"slow until " + clock(later.Time, listNow):    {State: admin.UpstreamSlow, Until: later},
		"used up until " + clock(later.Time, listNow): {State: admin.UpstreamQuota, Until: later},
		"used up":             {State: admin.UpstreamQuota},
		"disabled":            {State: admin.UpstreamDisabled},
		"paused by \\x1broot": {State: admin.UpstreamPaused, PausedBy: "\x1broot", Until: later},
	} {
		if got := upstreamState(u, listNow); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestChangeWords(t *testing.T) {
	up, paused := admin.Upstream{Name: "ses", State: admin.UpstreamUp}, admin.Upstream{Name: "ses", State: admin.UpstreamPaused, PausedBy: "root"}
	down := admin.Upstream{Name: "ses", State: admin.UpstreamDown, Reason: "refused", Incident: 4}
	for _, tt := range []struct{ got, want string }{
		{pausedWords(admin.Change{Changed: true, Upstream: paused}, listNow), "ses is paused: its mail goes to the other upstreams of its routes, or waits, until relaykeep upstream resume ses"},
		{pausedWords(admin.Change{Upstream: paused}, listNow), "ses was paused already, by root"},
		{resumedWords(admin.Change{Changed: true, Upstream: up}, listNow), "ses is resumed: it is up"},
		{resumedWords(admin.Change{Upstream: down}, listNow), "ses was not paused: it is down, incident 4: refused"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestIncidentTable(t *testing.T) {
	at := admin.Time{Time: listNow.Add(-time.Hour)}
	all := []admin.Incident{
		{Number: 1, Open: true, Kind: relay.IncidentSender, Upstream: "ses", Sender: "app@example.com", OpenedAt: at, Times: 2, Held: 10_000, Detail: strings.Repeat("long\x1b ", 30)},
		{Number: 2, Kind: relay.IncidentRoute, OpenedAt: at, ClosedAt: at, Times: 1},
	}
	for _, width := range []int{40, 80, 120} {
		for line := range strings.Lines(incidentTable(all, width, false, listNow)) {
			if n := cells(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d of %d columns: %s", n, width, line)
			}
		}
	}
	got := strings.Join(strings.Fields(incidentTable(all, 0, false, listNow)), " ")
	for _, want := range []string{`1 sender app@example.com at ses 1h00m 2 10000+ long\x1b long`, "2 route - closed 1h00m ago 1 0"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
}

// Whatever the kind, who is woken by an incident reads what to do, and who
// looks at a closed one is told to do nothing.
func TestAdvice(t *testing.T) {
	for _, kind := range []relay.IncidentKind{relay.IncidentUpstream, relay.IncidentSender, relay.IncidentQuota, relay.IncidentMessage, relay.IncidentRoute} {
		i := admin.Incident{Number: 12, Open: true, Kind: kind, Upstream: "ses", Sender: "a@b"}
		if got := strings.Join(advise(i), " "); !strings.Contains(got, "relaykeep incident resolve 12") {
			t.Errorf("%s: %s", kind, got)
		}
		if kindWords(kind) == "" {
			t.Errorf("%s is not told in words", kind)
		}
		i.Open = false
		if got := advise(i); got != nil {
			t.Errorf("%s, closed: %v", kind, got)
		}
	}
}

func TestOrdinal(t *testing.T) {
	for n, want := range map[int]string{2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 21: "21st", 113: "113th"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d: got %s", n, got)
		}
	}
}

func TestWhatNext(t *testing.T) {
	in := func(d time.Duration) admin.Time { return admin.Time{Time: listNow.Add(d)} }
	hour := clock(listNow.Add(time.Hour), listNow)
	for want, r := range map[string]admin.Recipient{
		"attempt at ses as soon as it takes mail": {State: relay.Queued, Upstream: "ses", Eligible: []string{"ses"}},
		"attempt 4 at ses (where that is down, backup, then third) in 1h00m, at " + hour + "; it expires in 1h00m, at " + hour: {
			State: relay.Queued, Upstream: "ses", Eligible: []string{"ses", "backup", "third"}, Attempts: 3, NextAttempt: in(time.Hour), ExpiresAt: in(time.Hour),
		},
		"it is being sent to ses at this moment": {State: relay.Sending, Upstream: "ses"},
		"it waits for incident 3 to end: relaykeep incident show 3; it expires in 1h00m, at " + hour: {
			State: relay.Held, Incident: 3, ExpiresAt: in(time.Hour),
		},
		"it waits until somebody releases it, however long":                    {State: relay.Held, HoldReason: relay.HoldOperator, ExpiresAt: in(time.Hour)},
		"it waits until somebody releases it; it expires in 1h00m, at " + hour: {State: relay.Held, HoldReason: "x", ExpiresAt: in(time.Hour)},
		"nothing: ses has taken it":                                            {State: relay.Delivered, Upstream: "ses"},
		"nothing: it was given up, and is not tried again":                     {State: relay.Bounced},
		"nothing: its time is over":                                            {State: relay.Expired},
		"nothing: it was deleted":                                              {State: relay.Deleted},
	} {
		if got := whatNext(r, listNow); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
