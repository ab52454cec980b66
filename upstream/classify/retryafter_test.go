package classify

import (
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
)

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Duration
	}{
		{"Greylisted, please try again in 300 seconds", 5 * time.Minute},
		{"Greylisting in action, please come back in 00:04:59", 4*time.Minute + 59*time.Second},
		{"Recipient address rejected: Greylisted for 5 minutes", 5 * time.Minute},
		{"example.com greylisted for 60 seconds by ZEROSPAM", time.Minute},
		{"Rate limit exceeded. Retry after 90s", 90 * time.Second},
		{"too many messages, wait at least 10 min and try again", 10 * time.Minute},
		{"Please try again after an hour", time.Hour},
		{"try again in\r\n  about 2 hours", 2 * time.Hour},
		{"Sending is disabled for the next 24 hours", 24 * time.Hour},
		{"account locked for 1 day", 24 * time.Hour},
		{"try again in 9999999 days", 24 * time.Hour},
		{"come back in 99:59:59", 24 * time.Hour},
		{"try again in 0 seconds", 0},
		{"Please try again later", 0},
		{"try again in 5 parsecs", 0},
		{"try again in 12345678 seconds", 0},
		{"Message expired: unable to deliver in 840 minutes", 0},
		{"exceeded 100 messages in 60 minutes", 0},
		{"blocked using list.example.com", 0},
		{"", 0},
	} {
		if got := retryAfter(folded(tt.text)); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.text, got, tt.want)
		}
	}
}

// TestRetryAfterCounts: the longer of the rule's delay and the answer's counts,
// and only where there is something to wait for.
func TestRetryAfterCounts(t *testing.T) {
	c := newClassifier(t, Pack{Name: "own", Providers: []string{"own"}, Rules: []Rule{
		{Name: "own", Codes: []string{"450"}, Action: relay.ActionRetry, Delay: 10 * time.Minute},
	}})
	for _, tt := range []struct {
		code int
		text string
		want time.Duration
	}{
		{450, "try again in 5 minutes", 10 * time.Minute},
		{450, "try again in 15 minutes", 15 * time.Minute},
		{451, "try again in 15 minutes", 15 * time.Minute},
		{550, "No such user, do not try again in 15 minutes", 0},
		{250, "Queued, wait 15 minutes", 0},
	} {
		v := c.Classify(upstream.Answer{Provider: "own", Stage: relay.StageRcpt, Code: tt.code, Text: tt.text})
		if v.RetryAfter != tt.want {
			t.Errorf("%d %s: got %v, want %v", tt.code, tt.text, v.RetryAfter, tt.want)
		}
	}
}
