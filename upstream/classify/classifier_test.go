package classify

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
)

func refusal(provider, text string) upstream.Answer {
	return upstream.Answer{Provider: provider, Stage: relay.StageRcpt, Code: 550, Text: text}
}

// TestOrder: packs of the caller's come first, in their order, and only for
// the providers that they name.
func TestOrder(t *testing.T) {
	rule := func(name, text string) Rule {
		return Rule{Name: name, Text: []string{text}, Action: relay.ActionPark, Delay: 24 * time.Hour}
	}
	c := newClassifier(t,
		Pack{Name: "gmail-eu", Providers: []string{"gmail"}, Rules: []Rule{rule("one", "daily"), rule("two", "limit")}},
		Pack{Name: "all", Rules: []Rule{rule("three", "daily"), rule("four", "unknown")}},
	)
	for _, tt := range []struct{ provider, text, rule string }{
		{"gmail", "daily limit", "one"},
		{"gmail", "limit", "two"},
		{"gmail", "user unknown", "four"},
		{"gmail", "no", "recipient-refused"},
		{"ses", "daily limit", "three"},
		{"ses", "limit", "recipient-refused"},
		{"", "user unknown", "four"},
	} {
		if v := c.Classify(refusal(tt.provider, tt.text)); v.Rule != tt.rule {
			t.Errorf("%s: %q is taken by %q, want %q", tt.provider, tt.text, v.Rule, tt.rule)
		}
	}
	v := c.Classify(refusal("gmail", "daily limit"))
	want := relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionPark, Free: true,
		Stage: relay.StageRcpt, Code: 550, Text: "daily limit", Rule: "one", RetryAfter: 24 * time.Hour,
	}
	if v != want {
		t.Errorf("got %+v, want %+v", v, want)
	}
}

// TestConditions tries one rule, which bounces, on one answer.
func TestConditions(t *testing.T) {
	yes, no := true, false
	reply := upstream.Answer{Stage: relay.StageBody, Code: 552, Enhanced: "5.2.3", Text: "Daily\r\n  USER limit of 10 exceeded"}
	success := upstream.Answer{Stage: relay.StageBody, Code: 250}
	lost := upstream.Answer{Stage: relay.StageBody, Err: errorOf(t, "closed")}
	with := func(enhanced string) upstream.Answer {
		a := reply
		a.Enhanced = enhanced
		return a
	}
	for _, tt := range []struct {
		name   string
		rule   Rule
		answer upstream.Answer
		want   bool
	}{
		{"nothing asked", Rule{}, reply, true},
		{"nothing asked, of a success", Rule{}, success, false},
		{"nothing asked, of an error", Rule{}, lost, false},
		{"stage", Rule{Stages: []relay.Stage{relay.StageRcpt, relay.StageBody}}, reply, true},
		{"stage, other", Rule{Stages: []relay.Stage{relay.StageRcpt}}, reply, false},
		{"code", Rule{Codes: []string{"552"}}, reply, true},
		{"code, other", Rule{Codes: []string{"550", "551"}}, reply, false},
		{"class of code", Rule{Codes: []string{"5xx"}}, reply, true},
		{"class of code, other", Rule{Codes: []string{"4XX"}}, reply, false},
		{"tens of code", Rule{Codes: []string{"55x"}}, reply, true},
		{"success", Rule{Codes: []string{"250"}}, success, true},
		{"enhanced", Rule{Enhanced: []string{"5.2.3"}}, reply, true},
		{"enhanced, other", Rule{Enhanced: []string{"5.2.33"}}, reply, false},
		{"enhanced, any detail", Rule{Enhanced: []string{"5.2.*"}}, reply, true},
		{"enhanced, any subject", Rule{Enhanced: []string{"*.*.3"}}, reply, true},
		{"enhanced, disagrees", Rule{Enhanced: []string{"*.*.*"}}, with("4.2.3"), false},
		{"enhanced, none", Rule{Enhanced: []string{"*.*.*"}}, with(""), false},
		{"enhanced, malformed", Rule{Enhanced: []string{"*.*.*"}}, with("5.2"), false},
		{"text", Rule{Text: []string{"no", "daily user LIMIT"}}, reply, true},
		{"text, other", Rule{Text: []string{"monthly"}}, reply, false},
		{"expression", Rule{TextRegex: []string{"x", `^daily .*LIMIT of \d+`}}, reply, true},
		{"expression, other", Rule{TextRegex: []string{`^limit`}}, reply, false},
		{"text and code", Rule{Text: []string{"daily"}, Codes: []string{"550"}}, reply, false},
		{"text and expression", Rule{Text: []string{"daily"}, TextRegex: []string{"monthly"}}, reply, false},
		{"dot sent", Rule{DotSent: &yes}, reply, false},
		{"dot not sent", Rule{DotSent: &no}, reply, true},
		{"error", Rule{Errors: []ErrorKind{ErrTimeout, ErrClosed}}, lost, true},
		{"error, other", Rule{Errors: []ErrorKind{ErrTimeout}}, lost, false},
		{"error, any", Rule{Errors: []ErrorKind{ErrAny}}, lost, true},
		{"error, of a reply", Rule{Errors: []ErrorKind{ErrAny}}, reply, false},
		{"error, after the dot", Rule{Errors: []ErrorKind{ErrAny}, DotSent: &yes}, lost, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Name, tt.rule.Action = "it", relay.ActionSlow
			c, err := compileAll(nil, []Pack{{Rules: []Rule{tt.rule}}})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Classify(tt.answer).Rule; (got == "it") != tt.want {
				t.Errorf("the answer is taken by %q", got)
			}
		})
	}
}

// TestImplied checks what follows from an action and a stage.
func TestImplied(t *testing.T) {
	yes := true
	for _, tt := range []struct {
		rule  Rule
		stage relay.Stage
		want  string
	}{
		{Rule{Action: relay.ActionRetry}, relay.StageRcpt, "deferred recipient retry"},
		{Rule{Action: relay.ActionRetry}, relay.StageMail, "deferred message retry"},
		{Rule{Action: relay.ActionRetry}, relay.StageBody, "deferred message retry"},
		{Rule{Action: relay.ActionRetry}, relay.StageAuth, "deferred upstream retry+free"},
		{Rule{Action: relay.ActionRetry}, relay.StageNone, "deferred message retry"},
		{Rule{Action: relay.ActionSlow, Then: relay.ActionFailover}, relay.StageBody, "deferred upstream slow>failover+free"},
		{Rule{Action: relay.ActionFailover}, relay.StageHello, "deferred upstream failover+free"},
		{Rule{Action: relay.ActionFailover}, relay.StageMail, "deferred upstream failover"},
		{Rule{Action: relay.ActionFailover, Free: &yes}, relay.StageMail, "deferred upstream failover+free"},
		{Rule{Action: relay.ActionFailover, Then: relay.ActionBounce, Scope: relay.ScopeMessage}, relay.StageBody, "rejected message failover>bounce"},
		{Rule{Action: relay.ActionPark}, relay.StageRcpt, "deferred upstream park+free"},
		{Rule{Action: relay.ActionHold}, relay.StageMail, "deferred sender hold+free"},
		{Rule{Action: relay.ActionDisable}, relay.StageRcpt, "deferred upstream disable+free"},
		{Rule{Action: relay.ActionBounce}, relay.StageRcpt, "rejected recipient bounce"},
		{Rule{Action: relay.ActionBounce}, relay.StageGreeting, "rejected upstream bounce"},
		{Rule{Action: relay.ActionDone}, relay.StageBody, "delivered message done"},
		{Rule{Action: relay.ActionRetry, Class: relay.ClassUnknown}, relay.StageBody, "unknown message retry"},
	} {
		if got := brief(resolve(tt.rule, tt.stage)); got != tt.want {
			t.Errorf("%v at %v: got %s, want %s", tt.rule.Action, tt.stage, got, tt.want)
		}
	}
}

// TestUnclassified: without any rule nothing is lost, and no doubt forgotten.
func TestUnclassified(t *testing.T) {
	c, err := compileAll(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ answer, want string }{
		{"rcpt 550 No", "deferred message retry"},
		{"dot 550 No", "deferred message retry"},
		{"dot 250 Ok", "unknown message retry>hold"},
		{"dot 999 What", "unknown message retry>hold"},
		{"dot !closed", "unknown message retry>hold"},
		{"body !closed", "deferred message retry"},
	} {
		if v := c.Classify(parseExample(t, tt.answer)); brief(v) != tt.want || v.Rule != "unclassified" {
			t.Errorf("%s: got %s by %q, want %s", tt.answer, brief(v), v.Rule, tt.want)
		}
	}
}

func TestRule(t *testing.T) {
	c := newClassifier(t)
	v := c.Classify(upstream.Answer{Stage: relay.StageAuth, Code: 535})
	if r, ok := c.Rule(v.Rule); !ok || r.Meaning == "" || r.Source == "" {
		t.Errorf("rule %q explains nothing: %+v", v.Rule, r)
	}
	if _, ok := c.Rule("gone"); ok {
		t.Error("a rule that is not there was found")
	}
}

func TestBrokenRules(t *testing.T) {
	good := Rule{Name: "good", Action: relay.ActionRetry}
	for _, tt := range []struct {
		want  string
		rules []Rule
	}{
		{"no name", []Rule{{Action: relay.ActionRetry}}},
		{"no action", []Rule{{Name: "r"}}},
		{"no action", []Rule{{Name: "r", Action: 99}}},
		{"the name is taken", []Rule{good, good}},
		{"then must", []Rule{{Name: "r", Action: relay.ActionSlow, Then: relay.ActionDone}}},
		{"nothing follows", []Rule{{Name: "r", Action: relay.ActionBounce, Then: relay.ActionRetry}}},
		{"class delivered does not go", []Rule{{Name: "r", Action: relay.ActionBounce, Class: relay.ClassDelivered}}},
		{"class unknown does not go", []Rule{{Name: "r", Action: relay.ActionBounce, Class: relay.ClassUnknown}}},
		{"unknown scope", []Rule{{Name: "r", Action: relay.ActionRetry, Scope: 99}}},
		{"unknown stage", []Rule{{Name: "r", Action: relay.ActionRetry, Stages: []relay.Stage{99}}}},
		{"unknown kind", []Rule{{Name: "r", Action: relay.ActionRetry, Errors: []ErrorKind{99}}}},
		{"both conditions", []Rule{{Name: "r", Action: relay.ActionRetry, Errors: []ErrorKind{ErrAny}, Codes: []string{"5xx"}}}},
		{"delay", []Rule{{Name: "r", Action: relay.ActionRetry, Delay: -1}}},
		{`code "55"`, []Rule{{Name: "r", Action: relay.ActionRetry, Codes: []string{"55"}}}},
		{`code "5.1"`, []Rule{{Name: "r", Action: relay.ActionRetry, Codes: []string{"5.1"}}}},
		{`enhanced code "5.1"`, []Rule{{Name: "r", Action: relay.ActionRetry, Enhanced: []string{"5.1"}}}},
		{`enhanced code "3.1.1"`, []Rule{{Name: "r", Action: relay.ActionRetry, Enhanced: []string{"3.1.1"}}}},
		{`enhanced code "5.1.1000"`, []Rule{{Name: "r", Action: relay.ActionRetry, Enhanced: []string{"5.1.1000"}}}},
		{"empty text", []Rule{{Name: "r", Action: relay.ActionRetry, Text: []string{" "}}}},
		{"empty text_regex", []Rule{{Name: "r", Action: relay.ActionRetry, TextRegex: []string{""}}}},
		{"text_regex: error", []Rule{{Name: "r", Action: relay.ActionRetry, TextRegex: []string{"("}}}},
	} {
		rules := slices.Clone(tt.rules)
		last := &rules[len(rules)-1]
		last.Position = "own.hcl:7"
		_, err := compileAll(nil, []Pack{{Name: "own", Rules: rules}})
		var broken *RuleError
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want a *RuleError with %q", err, tt.want)
			continue
		}
		if !strings.HasPrefix(err.Error(), "own.hcl:7: ") {
			t.Errorf("%v: the position is missing", err)
		}
	}
}

// TestOwnRulesSeeAddresses: a rule of the caller's is met with the addresses in
// the text and without them; a built-in one without them only.
func TestOwnRulesSeeAddresses(t *testing.T) {
	rules := []Rule{
		{Name: "name", Text: []string{"<vip@example.com>"}, Action: relay.ActionHold},
		{Name: "domain", TextRegex: []string{`@campaign\.example\b`}, Action: relay.ActionPark},
		{Name: "words", Text: []string{"mail to @ is late"}, Action: relay.ActionSlow},
	}
	own, err := compileAll([]Pack{{Name: "own", Rules: rules}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	builtIn, err := compileAll(nil, []Pack{{Name: "built in", Rules: rules}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, own, builtIn string }{
		{"<VIP@example.com>: no", "name", "unclassified"},
		{"no mail for bob@campaign.example", "domain", "unclassified"},
		{"mail to bob@example.com is late", "words", "words"},
		{"mail to bob is late", "unclassified", "unclassified"},
	} {
		a := upstream.Answer{Stage: relay.StageRcpt, Code: 450, Text: tt.text}
		if got := own.Classify(a); got.Rule != tt.own || got.Text != tt.text {
			t.Errorf("%s: taken by the own rule %q, want %q; shown as %q", tt.text, got.Rule, tt.own, got.Text)
		}
		if got := builtIn.Classify(a).Rule; got != tt.builtIn {
			t.Errorf("%s: taken by the built-in rule %q, want %q", tt.text, got, tt.builtIn)
		}
	}
}

// TestOwnRulesNeverJudgeAYes: what was taken stays taken, whatever a rule of the
// caller's finds in the answer.
func TestOwnRulesNeverJudgeAYes(t *testing.T) {
	c, err := New(Pack{Name: "own", Rules: []Rule{
		{Name: "own/1", Text: []string{"queued"}, Action: relay.ActionRetry},
		{Name: "own/2", Stages: []relay.Stage{relay.StageBody}, Action: relay.ActionBounce},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if v := c.Classify(upstream.Answer{Provider: "generic", Stage: relay.StageBody, DotSent: true, Code: 250, Text: "Ok: queued as 1"}); v.Class != relay.ClassDelivered {
		t.Errorf("%+v", v)
	}
	if v := c.Classify(upstream.Answer{Provider: "generic", Stage: relay.StageBody, DotSent: true, Code: 451, Text: "not queued"}); v.Rule != "own/1" {
		t.Errorf("%+v", v)
	}
}

// TestContradiction: a code of another class than the reply code counts for
// nothing, but is shown.
func TestContradiction(t *testing.T) {
	c := newClassifier(t)
	v := c.Classify(upstream.Answer{Stage: relay.StageRcpt, Code: 450, Enhanced: "5.1.1", Text: "x"})
	if v.Action != relay.ActionRetry || v.Enhanced != "5.1.1" {
		t.Errorf("got %+v", v)
	}
	for _, malformed := range []string{"5", "5.1", "5.1.1.1", "5..1", "5.1.", ".1.1", "5.1.1000", "3.1.1", "0.0.0", "5.1.x", "5.-1.1", "५.१.१", "5.1.1\n"} {
		v := c.Classify(upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: malformed})
		if v.Enhanced != "" || v.Action != relay.ActionBounce {
			t.Errorf("%q: got %+v", malformed, v)
		}
	}
}
