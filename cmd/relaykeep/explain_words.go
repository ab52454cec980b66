package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/upstream/classify"
)

// explanationJSON is what explain --json prints about a reply. Its keys are a
// public contract.
type explanationJSON struct {
	Provider string       `json:"provider"`
	Stage    relay.Stage  `json:"stage"`
	Code     int          `json:"code"`
	Enhanced string       `json:"enhanced"`
	Text     string       `json:"text"`
	Class    relay.Class  `json:"class"`
	Scope    relay.Scope  `json:"scope"`
	Action   relay.Action `json:"action"`
	Delay    string       `json:"delay"` // what is waited at least: "0s", "90s", "24h"
	Rule     string       `json:"rule"`
	Meaning  string       `json:"meaning"`
	Next     string       `json:"next"`
}

func explainedReply(provider string, e classify.Explanation) explanationJSON {
	v := e.Verdict
	return explanationJSON{
		Provider: provider, Stage: v.Stage, Code: v.Code, Enhanced: v.Enhanced, Text: v.Text,
		Class: v.Class, Scope: v.Scope, Action: v.Action, Delay: span(v.RetryAfter),
		Rule: v.Rule, Meaning: e.Rule.Meaning, Next: e.Next,
	}
}

// explained prints which rule matches a reply, and what follows.
func (p *page) explained(provider string, e classify.Explanation) {
	v := e.Verdict
	p.fact("Reply", reply(admin.FromVerdict(v)))
	p.fact("At", provider+", stage "+v.Stage.String())
	p.fact("Rule", v.Rule+packWords(e))
	p.fact("Meaning", e.Rule.Meaning)
	p.fact("Source", e.Rule.Source)
	if goesOn(v) {
		p.fact("Next", "Nothing is decided by that: the dialogue goes on, and the answer to the end of the text decides.")
		return
	}
	p.fact("Verdict", verdictOf(v.Class, v.Scope))
	p.fact("Action", actionWords(v))
	p.fact("Next", e.Next)
}

// goesOn reports whether an answer is one on the way: yes, and not to the text.
func goesOn(v relay.Verdict) bool {
	return v.Class == relay.ClassDelivered && (v.Code >= 300 || v.Stage != relay.StageBody)
}

// verdictOf tells a class, and who is to blame where something went wrong.
func verdictOf(c relay.Class, s relay.Scope) string {
	if c == relay.ClassDelivered {
		return c.String()
	}
	return fmt.Sprintf("%s, to blame: the %s", c, s)
}

// packWords tells where a rule is written.
func packWords(e classify.Explanation) string {
	switch {
	case e.Own:
		return ", of your own"
	case e.Pack != "":
		return ", of the pack " + e.Pack
	}
	return ""
}

// actionWords tells what is done about an answer.
func actionWords(v relay.Verdict) string {
	s := v.Action.String()
	if v.Then != relay.ActionNone {
		s += ", then " + v.Then.String()
	}
	if v.RetryAfter > 0 {
		s += ", not before " + span(v.RetryAfter)
	}
	return s
}

// span tells a duration as the configuration writes it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// recipientJSON is what explain --id --json prints about a recipient.
type recipientJSON struct {
	ID          relay.ID     `json:"id"`
	Address     string       `json:"address"`
	State       relay.State  `json:"state"`
	Upstream    string       `json:"upstream"` // that gave the reply; "" before the first
	Provider    string       `json:"provider"` // of that upstream; "" where the configuration cannot be read or knows it no more
	Stage       relay.Stage  `json:"stage"`
	Code        int          `json:"code"`
	Enhanced    string       `json:"enhanced"`
	Text        string       `json:"text"`
	Class       relay.Class  `json:"class"`
	Scope       relay.Scope  `json:"scope"`
	Action      relay.Action `json:"action"`
	Delay       string       `json:"delay"` // from now until the next attempt at the earliest: "0s", "90s"
	Rule        string       `json:"rule"`
	Meaning     string       `json:"meaning"`
	Next        string       `json:"next"`
	NextAttempt admin.Time   `json:"next_attempt"`
	ExpiresAt   admin.Time   `json:"expires_at"`
	Incident    int64        `json:"incident"`
}

func explainedRecipient(id relay.ID, r admin.Recipient, rules *classify.Classifier, providers map[string]string, now time.Time) recipientJSON {
	out := recipientJSON{
		ID: id, Address: r.Address, State: r.State, Next: whatNext(r, now), Delay: delayOf(r, now),
		NextAttempt: r.NextAttempt, ExpiresAt: r.ExpiresAt, Incident: r.Incident,
	}
	if r.Last == nil {
		return out
	}
	v := r.Last.Verdict
	rule, _ := rules.Rule(v.Rule)
	out.Provider = providers[r.Last.Upstream]
	out.Upstream, out.Stage, out.Code, out.Enhanced, out.Text = r.Last.Upstream, v.Stage, v.Code, v.Enhanced, v.Text
	out.Class, out.Scope, out.Action, out.Rule, out.Meaning = v.Class, v.Scope, v.Action, v.Rule, rule.Meaning
	return out
}

// delayOf is how long a recipient waits from now on.
func delayOf(r admin.Recipient, now time.Time) string {
	if r.State != relay.Queued || !r.NextAttempt.After(now) {
		return span(0)
	}
	return span(r.NextAttempt.Sub(now).Round(time.Second))
}

// printMessage explains where each recipient of a message stands.
func (c *explainCmd) printMessage(a *app, m admin.Message, rules *classify.Classifier, providers map[string]string) error {
	now := time.Now()
	if c.JSON {
		for _, r := range m.Recipients {
			if err := printJSON(a.out, explainedRecipient(m.ID, r, rules, providers, now)); err != nil {
				return err
			}
		}
		return nil
	}
	p := page{width: columns(a.out), now: now}
	for i, alike := range runs(m.Recipients, sameFate) {
		if i > 0 {
			p.WriteString("\n")
		}
		p.explainedRecipients(alike, rules)
	}
	_, err := io.WriteString(a.out, p.String())
	return err
}

// explainedRecipients explains where recipients of the same fate stand.
func (p *page) explainedRecipients(alike []admin.Recipient, rules *classify.Classifier) {
	r := alike[0]
	p.line("", names(len(alike), func(i int) string { return alike[i].Address }))
	fact := func(label, text string) {
		if text != "" {
			p.line("  "+pad(label, labelWidth-2), text)
		}
	}
	fact("State", stateWords(r))
	switch {
	case r.Last == nil && r.State == relay.Sending:
		fact("Reply", "none yet")
	case r.Last == nil:
		fact("Reply", "none yet: nobody was asked")
	default:
		v := r.Last.Verdict
		rule, _ := rules.Rule(v.Rule)
		fact("Reply", strings.TrimSpace(reply(v)))
		fact("At", fmt.Sprintf("%s, stage %s, %s ago", r.Last.Upstream, v.Stage, age(p.now.Sub(r.Last.At.Time))))
		fact("Rule", v.Rule)
		fact("Meaning", rule.Meaning)
		fact("Verdict", verdictOf(v.Class, v.Scope))
		fact("Action", v.Action.String())
	}
	fact("Next", whatNext(r, p.now))
}
