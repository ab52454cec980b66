package main

import (
	"relaykeep/upstream/classify"
)

// classifier gives the rules that replies are judged by.
func (a *app) classifier(g *grammar) (*classify.Classifier, error) {
	return classify.New()
}

// meaning prints what the rule of a verdict means, where it is known.
func (p *page) meaning(prefix, rule string, rules *classify.Classifier) {
	if r, ok := rules.Rule(rule); ok {
		p.line(prefix, r.Meaning)
	}
}
