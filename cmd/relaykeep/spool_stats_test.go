package main

import (
	"strings"
	"testing"
	"time"

	"relaykeep/relay/admin"
)

func TestPrintRepairs(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var out strings.Builder
	err := printRepairs(&out, []admin.Repair{
		{Client: "10.0.0.7", User: "shop", What: "Message-ID added", Messages: 12, Last: "01J0000000000000000000000A", LastAt: admin.Time{Time: now.Add(-3 * time.Minute)}},
		{Client: "unix", What: "line ends made CRLF", Messages: 1, Last: "01J0000000000000000000000B", LastAt: admin.Time{Time: now.Add(-2 * time.Hour)}},
	}, now)
	want := `
REPAIRED SINCE THE START  CLIENT    USER  MESSAGES  LAST
Message-ID added          10.0.0.7  shop  12        01J0000000000000000000000A, 3m ago
line ends made CRLF       unix      -     1         01J0000000000000000000000B, 2h00m ago
`
	if got := out.String(); got != want || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}
