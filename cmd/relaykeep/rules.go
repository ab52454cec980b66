package main

import (
	"errors"
	"fmt"

	"relaykeep/relay/config"
	"relaykeep/upstream/classify"
)

// classifier gives the rules that replies are judged by: the built-in ones,
// after those of the configuration where one is readable. Only one that was
// named must be.
func (a *app) classifier(g *grammar) (*classify.Classifier, error) {
	path, _ := a.configPath(g)
	c, err := config.Load(path, config.LoadOptions{LookupEnv: a.env})
	var invalid *config.Error
	switch {
	case err == nil:
		return classify.New(c.Packs...)
	case g.Config != "":
		return nil, err
	case errors.As(err, &invalid):
		fmt.Fprintf(a.err, "relaykeep: rules of your own are left out: %s\n", oneLine(err.Error()))
	}
	return classify.New()
}

// meaning prints what the rule of a verdict means, where it is known.
func (p *page) meaning(prefix, rule string, rules *classify.Classifier) {
	if r, ok := rules.Rule(rule); ok {
		p.line(prefix, r.Meaning)
	}
}
