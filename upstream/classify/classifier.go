package classify

import (
	"fmt"
	"slices"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// Classifier judges answers by packs of rules. It is safe for concurrent use.
type Classifier struct {
	rules     map[string]namedRule
	providers map[string]*table
	others    *table // for providers that no pack is named for
	presets   map[string]Presets
}

// namedRule is a rule and where it comes from.
type namedRule struct {
	Rule
	pack string
	own  bool // not built in
}

// New compiles the rules of own, which are tried first, in their order, and of
// the built-in packs. The error is a *RuleError for a broken rule.
func New(own ...Pack) (*Classifier, error) {
	builtIn, err := builtIn()
	if err != nil {
		return nil, err
	}
	return compileAll(own, builtIn)
}

func compileAll(own, builtIn []Pack) (*Classifier, error) {
	c := &Classifier{
		rules:     make(map[string]namedRule),
		providers: make(map[string]*table),
		others:    new(table),
		presets:   make(map[string]Presets),
	}
	packs := slices.Concat(own, builtIn)
	for _, p := range packs {
		for _, name := range p.Providers {
			c.providers[name] = new(table)
		}
	}
	for _, p := range builtIn {
		c.presets[p.Name] = p.Presets
	}
	for i, p := range packs {
		for _, r := range p.Rules {
			m, err := compile(r)
			if m != nil {
				m.own = i < len(own)
			}
			if _, dup := c.rules[r.Name]; dup && err == nil {
				err = fmt.Errorf("the name is taken by the rule at %s", c.rules[r.Name].Position)
			}
			if err != nil {
				return nil, &RuleError{Position: r.Position, Rule: r.Name, Err: err}
			}
			c.rules[r.Name] = namedRule{r, p.Name, i < len(own)}
			c.add(p, r, m)
		}
	}
	return c, nil
}

// add appends a rule to the tables of all providers that its pack judges.
func (c *Classifier) add(p Pack, r Rule, m *matcher) {
	for name, t := range c.providers {
		if len(p.Providers) == 0 || slices.Contains(p.Providers, name) {
			t.add(r, m)
		}
	}
	if len(p.Providers) == 0 {
		c.others.add(r, m)
	}
}

// Rule gives the rule of a verdict by its name, for its meaning and source.
func (c *Classifier) Rule(name string) (r Rule, ok bool) {
	known, ok := c.rules[name]
	return known.Rule, ok
}

// Classify is the upstream.Classifier.
func (c *Classifier) Classify(a upstream.Answer) relay.Verdict {
	t := c.providers[a.Provider]
	if t == nil {
		t = c.others
	}
	in := answer{Answer: a}
	if e, ok := parseEnhanced(a.Enhanced); ok {
		in.shown = a.Enhanced
		if e[0] == a.Code/100 {
			in.enhanced = e
		}
	}
	v := t.verdict(&in)
	if v.Class == relay.ClassDeferred && a.Code >= 400 {
		v.RetryAfter = max(v.RetryAfter, retryAfter(in.folded()))
	}
	v.Stage, v.Code, v.Enhanced = a.Stage, a.Code, in.shown
	v.Text = printable(in.text())
	return v
}

// answer is an upstream.Answer on its way through the rules.
type answer struct {
	upstream.Answer
	shown    string   // the enhanced code as it was sent, if it is one
	enhanced enhanced // none also where it disagrees with the reply code, which outranks it
	lower    string   // Text, folded, once a rule has asked for it
	bare     string   // the same without mail addresses
}

func (a *answer) folded() string {
	if a.lower == "" && a.Text != "" {
		a.lower = folded(a.Text)
	}
	return a.lower
}

// words is what the server says by itself: the folded text without the mail
// addresses in it.
func (a *answer) words() string {
	if a.bare == "" && a.Text != "" {
		a.bare = withoutAddresses(a.folded())
	}
	return a.bare
}

// text is what the verdict shows.
func (a *answer) text() string {
	if a.Text == "" && a.Code == 0 && a.Err != nil {
		return a.Err.Error()
	}
	return a.Text
}

const stages = int(relay.StageBody) + 1

// table is the rules for one provider: for each stage, and there for each
// first digit of the code, those that can match at all, in order.
type table struct {
	replies  [stages][6][]entry // 2 to 5; 0 for codes that make no sense
	failures [stages][]entry
}

type entry struct {
	matcher *matcher
	verdict relay.Verdict // but for what is the answer's own
}

func (t *table) add(r Rule, m *matcher) {
	for i := range stages {
		stage := relay.Stage(i)
		if len(r.Stages) > 0 && !slices.Contains(r.Stages, stage) {
			continue
		}
		e := entry{m, resolve(r, stage)}
		if m.kinds != 0 {
			t.failures[i] = append(t.failures[i], e)
			continue
		}
		for _, digit := range []int{0, 2, 3, 4, 5} {
			yes := digit == 2 || digit == 3
			if m.own && yes {
				continue // no rule of the caller's has mail sent again that was taken
			}
			if m.answers(digit) {
				t.replies[i][digit] = append(t.replies[i][digit], e)
			}
		}
	}
}

// verdict gives that of the first rule that matches.
func (t *table) verdict(a *answer) relay.Verdict {
	stage := int(a.Stage)
	if stage >= stages {
		stage = int(relay.StageNone)
	}
	if a.Code == 0 {
		kind := kindOf(a.Err, a.Stage)
		for i := range t.failures[stage] {
			if e := &t.failures[stage][i]; e.matcher.failure(kind, a.DotSent) {
				return e.verdict
			}
		}
		return unclassified(a.DotSent)
	}
	digit := 0
	if a.Code >= 200 && a.Code <= 599 {
		digit = a.Code / 100
	}
	for i := range t.replies[stage][digit] {
		if e := &t.replies[stage][digit][i]; e.matcher.reply(a) {
			return e.verdict
		}
	}
	return unclassified(a.DotSent && digit != 4 && digit != 5)
}

// unclassified is what no rule knows: the mail is kept, and where it may have
// been delivered already that is not forgotten.
func unclassified(inDoubt bool) relay.Verdict {
	v := relay.Verdict{
		Class:  relay.ClassDeferred,
		Scope:  relay.ScopeMessage,
		Action: relay.ActionRetry,
		Rule:   "unclassified",
	}
	if inDoubt {
		v.Class, v.Then = relay.ClassUnknown, relay.ActionHold
	}
	return v
}
