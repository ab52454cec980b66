package classify

import (
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// TestNext: every action, with what follows it, is put into words of its own.
func TestNext(t *testing.T) {
	seen := make(map[string]relay.Verdict)
	for _, tt := range []struct {
		verdict relay.Verdict
		want    []string // parts
	}{
		{relay.Verdict{Action: relay.ActionDone, Class: relay.ClassDelivered}, []string{"Nothing is left"}},
		{relay.Verdict{Action: relay.ActionRetry, Scope: relay.ScopeRecipient, RetryAfter: 90 * time.Second}, []string{"recipient is tried again", "another upstream would not help", "after 1m30s at the earliest"}},
		{relay.Verdict{Action: relay.ActionRetry, Scope: relay.ScopeMessage}, []string{"tried again at the same upstream", "failover_after"}},
		{relay.Verdict{Action: relay.ActionRetry, Then: relay.ActionHold, Class: relay.ClassUnknown, Scope: relay.ScopeUpstream}, []string{"not known", "in_doubt"}},
		{relay.Verdict{Action: relay.ActionSlow, Scope: relay.ScopeUpstream, RetryAfter: time.Minute}, []string{"asked less", "no attempt", "after 1m at the earliest"}},
		{relay.Verdict{Action: relay.ActionSlow, Then: relay.ActionFailover, Scope: relay.ScopeUpstream}, []string{"asked less", "next upstream"}},
		{relay.Verdict{Action: relay.ActionFailover, Scope: relay.ScopeUpstream}, []string{"next upstream", "retry schedule"}},
		{relay.Verdict{Action: relay.ActionFailover, Then: relay.ActionPark, Scope: relay.ScopeUpstream, RetryAfter: 24 * time.Hour}, []string{"next upstream", "kept until the quota resets", "after 24h at the earliest"}},
		{relay.Verdict{Action: relay.ActionFailover, Then: relay.ActionBounce, Class: relay.ClassRejected, Scope: relay.ScopeMessage, RetryAfter: time.Hour}, []string{"next upstream", "bounce"}},
		{relay.Verdict{Action: relay.ActionFailover, Then: relay.ActionHold, Scope: relay.ScopeMessage}, []string{"next upstream", "held with an incident"}},
		{relay.Verdict{Action: relay.ActionFailover, Scope: relay.ScopeUpstream, Warn: true}, []string{"next upstream", "incident is opened at once"}},
		{relay.Verdict{Action: relay.ActionPark, Scope: relay.ScopeUpstream, RetryAfter: time.Hour}, []string{"until its quota resets", "after 1h at the earliest"}},
		{relay.Verdict{Action: relay.ActionHold, Scope: relay.ScopeSender, RetryAfter: time.Hour}, []string{"incident", "sender"}},
		{relay.Verdict{Action: relay.ActionHold, Scope: relay.ScopeMessage}, []string{"held with an incident"}},
		{relay.Verdict{Action: relay.ActionDisable, Scope: relay.ScopeUpstream, RetryAfter: 10*time.Minute + 5*time.Second}, []string{"incident", "probe", "after 10m5s at the earliest"}},
		{relay.Verdict{Action: relay.ActionBounce, Class: relay.ClassRejected, Scope: relay.ScopeRecipient, RetryAfter: time.Hour}, []string{"recipient is given up", "bounce"}},
		{relay.Verdict{Action: relay.ActionBounce, Class: relay.ClassRejected, Scope: relay.ScopeMessage}, []string{"message is given up", "bounce"}},
		{relay.Verdict{}, []string{"tried again"}},
	} {
		got := Next(tt.verdict)
		for _, part := range tt.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: got %q, want %q in it", brief(tt.verdict), got, part)
			}
		}
		final := tt.verdict.Class == relay.ClassRejected || tt.verdict.Action == relay.ActionHold
		if final && strings.Contains(got, "at the earliest") {
			t.Errorf("%s: there is nothing to wait for: %q", brief(tt.verdict), got)
		}
		if other, dup := seen[got]; dup {
			t.Errorf("%s and %s are told alike: %q", brief(tt.verdict), brief(other), got)
		}
		seen[got] = tt.verdict
	}
}

func TestExplain(t *testing.T) {
	c := newClassifier(t, Pack{Name: "mine", Providers: []string{"gmail"}, Rules: []Rule{{
		Name: "mine/1", Position: "config.hcl:169", Text: []string{"daily user sending"},
		Action: relay.ActionPark, Delay: 24 * time.Hour, Meaning: "Ours.",
	}}})
	daily := upstream.Answer{Provider: "gmail", Stage: relay.StageBody, Code: 550, Enhanced: "5.4.5", Text: "Daily user sending limit exceeded"}
	e := c.Explain(daily)
	if !e.Own || e.Pack != "mine" || e.Rule.Position != "config.hcl:169" || e.Rule.Meaning != "Ours." || e.Verdict != c.Classify(daily) || e.Next != Next(e.Verdict) {
		t.Errorf("a rule of one's own: got %+v", e)
	}
	e = newClassifier(t).Explain(daily)
	if e.Own || e.Pack != "gmail" || e.Rule.Name != "gmail-daily-limit" || !strings.HasPrefix(e.Rule.Position, "gmail.hcl:") || e.Rule.Source == "" {
		t.Errorf("a built-in rule: got %+v", e)
	}
	empty, err := compileAll(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	e = empty.Explain(daily)
	if e.Rule.Name != "unclassified" || e.Rule.Meaning == "" || e.Pack != "" || e.Own || e.Next == "" {
		t.Errorf("without a rule: got %+v", e)
	}
}
