package classify

import (
	"errors"
	"fmt"
	"slices"

	"relaykeep/relay"
)

// matcher is the conditions of a rule, compiled, but for the stage.
type matcher struct {
	codes    []codePattern
	enhanced []enhancedPattern
	text     []string   // folded
	regex    expression // nil: none
	own      bool       // of the caller's: text and regex may also be met with the addresses in the text, and it is about refusals only
	kinds    uint32     // of errors, a bit for each; 0: the rule is about replies
	dotSent  *bool
}

const anyKind = 1<<(ErrOther+1) - 1

// compile checks a rule and prepares its conditions.
func compile(r Rule) (*matcher, error) {
	if err := check(r); err != nil {
		return nil, err
	}
	m := &matcher{dotSent: r.DotSent}
	for _, s := range r.Codes {
		p, err := parseCode(s)
		if err != nil {
			return nil, err
		}
		m.codes = append(m.codes, p)
	}
	if len(r.Codes) == 0 {
		m.codes = []codePattern{"4xx", "5xx"}
	}
	for _, s := range r.Enhanced {
		e, err := parseEnhancedPattern(s)
		if err != nil {
			return nil, err
		}
		m.enhanced = append(m.enhanced, e)
	}
	for _, s := range r.Text {
		t := folded(s)
		if t == "" {
			return nil, errors.New("an empty text is in every reply")
		}
		m.text = append(m.text, t)
	}
	for _, s := range r.TextRegex {
		if s == "" {
			return nil, errors.New("an empty text_regex matches every reply")
		}
		e, err := compileExpression(s)
		if err != nil {
			return nil, fmt.Errorf("text_regex: %w", err)
		}
		m.regex = append(m.regex, e...)
	}
	for _, k := range r.Errors {
		m.kinds |= 1 << k
		if k == ErrAny {
			m.kinds = anyKind
		}
	}
	return m, nil
}

// check finds what a rule must not say.
func check(r Rule) error {
	switch {
	case r.Name == "":
		return errors.New("it has no name")
	case r.Action == relay.ActionNone || r.Action > relay.ActionBounce:
		return errors.New("it has no action")
	case r.Then == relay.ActionDone || r.Then > relay.ActionBounce:
		return errors.New("then must be something that is left to do")
	case r.Then != relay.ActionNone && slices.Contains([]relay.Action{relay.ActionDone, relay.ActionBounce}, r.Action):
		return fmt.Errorf("nothing follows on %v", r.Action)
	case r.Class != relay.ClassNone && r.Class != relay.ClassUnknown && r.Class != classOf(r.Action, r.Then):
		return fmt.Errorf("class %v does not go with action %v", r.Class, r.Action)
	case r.Class == relay.ClassUnknown && classOf(r.Action, r.Then) != relay.ClassDeferred:
		return fmt.Errorf("class unknown does not go with action %v", r.Action)
	case r.Scope > relay.ScopeUpstream:
		return errors.New("unknown scope")
	case r.Split > relay.SplitDomain:
		return errors.New("unknown split")
	case r.Split != relay.SplitNone && r.Action != relay.ActionRetry:
		return fmt.Errorf("split goes with action retry, not with %v", r.Action)
	case r.Delay < 0:
		return errors.New("delay must not be negative")
	case len(r.Errors) > 0 && len(r.Codes)+len(r.Enhanced)+len(r.Text)+len(r.TextRegex) > 0:
		return errors.New("where there is an error there is no reply: it cannot have both conditions")
	}
	for _, s := range r.Stages {
		if s == relay.StageNone || s > relay.StageBody {
			return errors.New("unknown stage")
		}
	}
	for _, k := range r.Errors {
		if k > ErrOther {
			return errors.New("unknown kind of error")
		}
	}
	return nil
}

// resolve gives the verdict of a rule at a stage, without what is the answer's
// own. What the rule does not say follows from its action.
func resolve(r Rule, stage relay.Stage) relay.Verdict {
	v := relay.Verdict{
		Class:      r.Class,
		Scope:      r.Scope,
		Action:     r.Action,
		Then:       r.Then,
		Rule:       r.Name,
		RetryAfter: r.Delay,
		Split:      r.Split,
		Warn:       r.Warn,
	}
	if v.Class == relay.ClassNone {
		v.Class = classOf(r.Action, r.Then)
	}
	if v.Scope == relay.ScopeNone {
		v.Scope = scopeOf(r.Action, stage)
	}
	if r.Free != nil {
		v.Free = *r.Free
	} else {
		v.Free = isFree(v, stage)
	}
	return v
}

// classOf: as long as waiting may help, the recipient is deferred, though the
// reply be a 5xx. It is rejected where the upstream has refused the mail for
// good, also if another is still to be asked.
func classOf(a, then relay.Action) relay.Class {
	switch {
	case a == relay.ActionDone:
		return relay.ClassDelivered
	case a == relay.ActionBounce || then == relay.ActionBounce:
		return relay.ClassRejected
	}
	return relay.ClassDeferred
}

func scopeOf(a relay.Action, stage relay.Stage) relay.Scope {
	switch {
	case a == relay.ActionHold:
		return relay.ScopeSender
	case a == relay.ActionSlow || a == relay.ActionFailover || a == relay.ActionPark || a == relay.ActionDisable:
		return relay.ScopeUpstream
	case stage == relay.StageNone || stage >= relay.StageData || stage == relay.StageMail:
		return relay.ScopeMessage
	case stage == relay.StageRcpt:
		return relay.ScopeRecipient
	}
	return relay.ScopeUpstream
}

// isFree: before MAIL the upstream has not seen the message, and a brake, a
// quota or an account is no fault of the message's either.
func isFree(v relay.Verdict, stage relay.Stage) bool {
	switch v.Action {
	case relay.ActionDone, relay.ActionBounce:
		return false
	case relay.ActionSlow, relay.ActionPark, relay.ActionHold, relay.ActionDisable:
		return true
	}
	return v.Scope == relay.ScopeUpstream && stage != relay.StageNone && stage < relay.StageMail
}

// answers reports whether some reply whose code starts with this digit, 2 to 5,
// can match; 0 stands for all codes that make no sense.
func (m *matcher) answers(digit int) bool {
	if m.kinds != 0 {
		return false
	}
	return slices.ContainsFunc(m.codes, func(p codePattern) bool {
		first := int(p[0] - '0')
		return p[0] == 'x' || first == digit || digit == 0 && (first < 2 || first > 5)
	})
}

// reply reports whether a reply matches. The stage has been looked at before.
func (m *matcher) reply(a *answer) bool {
	if m.dotSent != nil && *m.dotSent != a.DotSent {
		return false
	}
	if !slices.ContainsFunc(m.codes, func(p codePattern) bool { return p.match(a.Code) }) {
		return false
	}
	if len(m.enhanced) > 0 && !slices.ContainsFunc(m.enhanced, func(p enhancedPattern) bool { return p.match(a.enhanced) }) {
		return false
	}
	return m.words(a.words) || m.own && m.words(a.folded)
}

// words reports whether text and expression match; the text is made only where
// there is one of them.
func (m *matcher) words(text func() string) bool {
	if len(m.text) > 0 && !containsAny(text(), m.text) {
		return false
	}
	return m.regex == nil || m.regex.match(text())
}

// failure reports whether the lack of a reply, of this kind, matches.
func (m *matcher) failure(kind ErrorKind, dotSent bool) bool {
	return m.kinds&(1<<kind) != 0 && (m.dotSent == nil || *m.dotSent == dotSent)
}
