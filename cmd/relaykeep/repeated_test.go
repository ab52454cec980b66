package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// What happens again and again is told by its first and its last time.
func TestRepeated(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		times int
		lines int
		says  string
	}{
		{1, 1, ""},
		{3, 3, ""},
		{4, 3, "the same 2 times more"},
		{20, 3, "the same 18 times more"},
	} {
		t.Run(fmt.Sprint(tt.times), func(t *testing.T) {
			var again []admin.Event
			for i := range tt.times {
				again = append(again, admin.Event{
					Event: relay.EventDeferred, At: admin.Time{Time: start.Add(time.Duration(i) * time.Minute)}, To: "a@example.com",
					Upstream: "ses", Attempt: 1, DurationMS: int64(i), TotalMS: int64(i),
					Verdict: &admin.Verdict{Stage: relay.StageDial, Text: "connection refused"},
				})
			}
			other := again[0]
			other.Upstream = "other"
			var p page
			for _, group := range runs(runs(append(again, other), sameEvent), sameAgain) {
				p.repeated(group, false)
			}
			got := p.String()
			if n := strings.Count(got, "\n"); n != tt.lines+1 || !strings.Contains(got, tt.says) || strings.Count(got, "at other") != 1 {
				t.Errorf("%d lines:\n%s", n, got)
			}
		})
	}
}
