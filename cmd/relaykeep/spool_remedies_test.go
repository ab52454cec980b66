package main

import (
	"slices"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

func TestRemedies(t *testing.T) {
	deferred := &admin.Attempt{Verdict: admin.Verdict{Class: relay.ClassDeferred}}
	taken := &admin.Attempt{Verdict: admin.Verdict{Class: relay.ClassDelivered}}
	kept, gone := true, false
	unfinished := []string{"redirect", "bounce", "delete"}
	for _, tt := range []struct {
		name string
		to   []admin.Recipient
		body *bool
		want []string // the word after relaykeep spool, incident or explain
	}{
		{"delivered", []admin.Recipient{{State: relay.Delivered, Last: taken}}, &gone, nil},
		{"queued", []admin.Recipient{{State: relay.Queued}}, &kept, append([]string{"retry", "hold"}, unfinished...)},
		{"deferred", []admin.Recipient{{State: relay.Queued, Last: deferred}}, &kept, append(append([]string{"retry", "hold"}, unfinished...), "--id")},
		{"sending", []admin.Recipient{{State: relay.Sending}}, &kept, unfinished},
		{"held by hand", []admin.Recipient{{State: relay.Held}}, &kept, append([]string{"release"}, unfinished...)},
		{"held by incidents", []admin.Recipient{{State: relay.Held, Incident: 3}, {State: relay.Held, Incident: 3}, {State: relay.Held, Incident: 4}}, &kept,
			append([]string{"show", "resolve", "show", "resolve", "release"}, unfinished...)},
		{"bounced, body kept", []admin.Recipient{{State: relay.Bounced}}, &kept, []string{"retry"}},
		{"bounced, body gone", []admin.Recipient{{State: relay.Bounced}}, &gone, nil},
		{"deleted", []admin.Recipient{{State: relay.Deleted}}, &gone, nil},
	} {
		var got []string
		for _, r := range (&page{}).possible(admin.Message{ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", Recipients: tt.to, Body: tt.body}) {
			got = append(got, strings.Fields(r.command)[2])
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
