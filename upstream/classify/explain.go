package classify

import (
	"relaykeep/relay"
	"relaykeep/upstream"
)

// Explanation is a verdict with its reasons.
type Explanation struct {
	Verdict relay.Verdict
	Rule    Rule   // the one that decided
	Pack    string // the pack that it is in; "" where no rule knows the answer
	Own     bool   // whether it is the caller's own, not a built-in one
	Next    string // what would be done, in words
}

// Explain classifies an answer and says why. It is as pure as Classify.
func (c *Classifier) Explain(a upstream.Answer) Explanation {
	v := c.Classify(a)
	known, ok := c.rules[v.Rule]
	if !ok {
		known.Rule = Rule{
			Name:    v.Rule,
			Action:  v.Action,
			Then:    v.Then,
			Class:   v.Class,
			Scope:   v.Scope,
			Meaning: "No rule knows this answer: the mail is kept and tried again.",
			Source:  "relaykeep",
		}
	}
	return Explanation{Verdict: v, Rule: known.Rule, Pack: known.pack, Own: known.own, Next: Next(v)}
}
