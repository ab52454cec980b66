package config

import (
	"encoding"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"relaykeep/relay"
	"relaykeep/upstream/classify"
)

// readPacks reads the blocks classify, in file order: the first rule that
// matches wins.
func readPacks(s *section) []classify.Pack {
	var packs []classify.Pack
	rules, before := map[string]*section{}, s.d.errors
	for _, c := range s.named("classify") {
		packs = append(packs, readPack(c, rules))
	}
	if len(packs) == 0 || s.d.errors > before {
		return packs
	}
	if _, err := classify.New(packs...); err != nil {
		at := s
		var broken *classify.RuleError
		if errors.As(err, &broken) && rules[broken.Rule] != nil {
			at, err = rules[broken.Rule], broken.Err
		}
		at.errorAt(at.header, "%s%v", at.prefix(), err)
	}
	return packs
}

// readPack reads a block classify: rules of the user's own. It notes where each
// is written.
func readPack(s *section, rules map[string]*section) classify.Pack {
	p := classify.Pack{Name: s.name, Providers: readList(s, "providers", nil, oneOf(classify.Providers()...))}
	if !s.contains("rule") {
		s.errorAt(s.header, "%s: there is no rule in it; write rule { … }", s.title)
	}
	for i, r := range s.unnamed("rule") {
		// No name of a block or of a built-in rule has a slash in it.
		name := fmt.Sprintf("%s/%d", s.name, i+1)
		rules[name] = r
		if rule, ok := readRule(r, name); ok {
			p.Rules = append(p.Rules, rule)
		}
	}
	s.end()
	if s.entry("providers").state == pending {
		p.Rules = nil // they would be for everybody
	}
	return p
}

// readRule reads one rule. It must match on something. ok is false where it is
// wrong, or has a condition that is not looked up: without it the rule would
// match more than it should.
func readRule(s *section, name string) (r classify.Rule, ok bool) {
	r = classify.Rule{
		Name:      name,
		Position:  fmt.Sprintf("%s:%d", s.d.file, s.header.Start.Line),
		Codes:     readSome(s, "code", replyCode),
		Enhanced:  readSome(s, "enhanced", enhancedCode),
		Text:      readSome(s, "text", notBlank),
		TextRegex: readSome(s, "text_regex", expression),
		Stages:    readSome(s, "stage", word[relay.Stage]("", "dial", "tls", "greeting", "hello", "auth", "mail", "rcpt", "data", "body")),
		Action:    needed(s, "action", `"retry"`, word[relay.Action]("done", "retry", "slow", "failover", "park", "hold", "disable", "bounce")),
		Scope:     read(s, "scope", relay.ScopeNone, word[relay.Scope]("", "recipient", "message", "sender", "upstream")),
		Split:     read(s, "split", relay.SplitNone, word[relay.Split]("", "half", "domain")),
		Delay:     read(s, "delay", 0, optional(positiveDuration)),
		Meaning:   fmt.Sprintf("A rule of the configuration, in %s.", s.parent.title),
	}
	r.Source = r.Position
	warnScope(s, r)
	open := slices.ContainsFunc(s.keys, func(key string) bool { return s.entry(key).state == pending })
	s.end()
	if !open && !s.faulty && len(r.Codes)+len(r.Enhanced)+len(r.Text)+len(r.TextRegex)+len(r.Stages) == 0 {
		s.errorAt(s.header, "rule: it matches every reply; give it a code, enhanced, text, text_regex or stage")
	}
	return r, !open && !s.faulty
}

// warnScope tells of a scope that is not the one that an action has.
func warnScope(s *section, r classify.Rule) {
	switch r.Action {
	case relay.ActionSlow, relay.ActionPark, relay.ActionDisable:
		if r.Scope != relay.ScopeNone && r.Scope != relay.ScopeUpstream {
			s.warn("scope", "%s concerns the upstream as a whole, whatever is said here", r.Action)
		}
	case relay.ActionBounce:
		if r.Scope == relay.ScopeUpstream {
			s.warn("scope", "bounce gives a mail up, and says nothing of the upstream; write recipient or message")
		}
	}
}

// readSome is readList in which "" stands for nothing.
func readSome[T comparable](s *section, key string, parse func(string) (T, error)) []T {
	var zero T
	var some []T // nil where it is empty
	for _, v := range readList(s, key, nil, optional(parse)) {
		if v != zero {
			some = append(some, v)
		}
	}
	return some
}

// word takes one of some words and gives the value with that name.
func word[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](words ...string) func(string) (T, error) {
	known := oneOf(words...)
	return func(s string) (v T, err error) {
		if _, err = known(s); err != nil {
			return v, err
		}
		return v, P(&v).UnmarshalText([]byte(s))
	}
}

var codeForm = regexp.MustCompile(`^[2-5][0-9x][0-9x]$`)

// replyCode takes the code of a refusal, in which x stands for any digit: "550",
// "4xx". A yes is never judged: mail that has been taken would be sent again, or
// bounced.
func replyCode(v string) (string, error) {
	if codeForm.MatchString(v) && v[0] < '4' {
		return "", errors.New(`is no refusal: a 2xx or 3xx is a yes, and rules are for what is not; write one like "550" or "4xx"`)
	}
	if !codeForm.MatchString(v) {
		return "", errors.New(`is not a reply code; write one like "550" or "4xx"`)
	}
	return v, nil
}

var enhancedForm = regexp.MustCompile(`^[245]\.([0-9]{1,3}|\*)\.([0-9]{1,3}|\*)$`)

// enhancedCode takes an enhanced status code (RFC 3463) in which * stands for
// any number: "5.4.5", "5.1.*".
func enhancedCode(v string) (string, error) {
	if !enhancedForm.MatchString(v) {
		return "", errors.New(`is not an enhanced status code; write one like "5.4.5" or "5.1.*"`)
	}
	return v, nil
}

// notBlank takes a text that is not in every reply.
func notBlank(v string) (string, error) {
	if strings.TrimSpace(v) == "" {
		return "", errors.New("is blank, and so in every reply")
	}
	return v, nil
}

// expression takes a regular expression of RE2.
func expression(v string) (string, error) {
	if _, err := regexp.Compile(v); err != nil {
		return "", errors.New("is not a valid regular expression (RE2); mind that HCL wants backslashes doubled")
	}
	return v, nil
}
