package classify

import (
	"fmt"
	"slices"
	"time"

	"relaykeep/relay"
)

// Pack is an ordered list of rules.
type Pack struct {
	Name      string
	Version   int
	Providers []string // whose answers it judges; none: everybody's
	Presets   Presets  // counts only in a built-in pack with one provider
	Rules     []Rule
}

// Rule says what a kind of answer means. All conditions that are given must
// hold; within a list one is enough.
//
// A rule is about replies unless it has Errors: then it is about the lack of
// one. A rule about replies without Codes is about refusals, 4xx and 5xx: what
// a success means has to be asked for.
//
// A rule of somebody's own needs no more than a Name that no other rule has, an
// Action, and a condition:
//
//	classify.New(classify.Pack{
//		Name:      "gmail-eu",
//		Providers: []string{"gmail"},
//		Rules: []classify.Rule{{
//			Name:     "gmail-eu/1",
//			Position: "config.hcl:169",
//			Codes:    []string{"550"},
//			Enhanced: []string{"5.4.5"},
//			Text:     []string{"daily user sending"},
//			Action:   relay.ActionPark,
//			Scope:    relay.ScopeUpstream,
//			Delay:    24 * time.Hour,
//			Meaning:  "A rule of the configuration.",
//		}},
//	})
//
// What is wrong with one, a broken expression too, is told by a *RuleError that
// carries its Position.
type Rule struct {
	Name     string // unique among all packs of a Classifier
	Position string // where it is written, for errors: "generic.hcl:12"

	Stages    []relay.Stage
	Codes     []string    // "550"; x stands for any digit: "4xx"; "xxx" is any code, also one that makes no sense
	Enhanced  []string    // "5.1.1"; * stands for any number: "5.1.*", a span for one of its numbers: "4.7.500-699"
	Text      []string    // contained in the text, in any case; line ends count as spaces, and only rules of the caller's see mail addresses
	TextRegex []string    // RE2, in any case, on the same text
	Errors    []ErrorKind // why there is no reply
	DotSent   *bool       // whether the final dot had been sent

	Action relay.Action
	Then   relay.Action  // see relay.Verdict
	Class  relay.Class   // ClassNone: what Action implies
	Scope  relay.Scope   // ScopeNone: what Action and the stage imply
	Delay  time.Duration // before this upstream is asked again, at least; 0: no wish. A longer one that the answer itself names counts
	Free   *bool         // nil: what Action, scope and the stage imply
	Split  relay.Split   // of action retry; see relay.Verdict
	Warn   bool          // opens an incident at once; see relay.Verdict

	Meaning  string   // for people, a sentence or two
	Source   string   // the RFC, manual or program that it is known from
	Examples []string // "STAGE REPLY": answers that must match this very rule
}

// ErrorKind says why there is no reply.
type ErrorKind uint8

// The kinds of errors.
const (
	ErrAny          ErrorKind = iota // any of the others
	ErrTimeout                       // nothing came in time
	ErrRefused                       // nobody listens there
	ErrUnreachable                   // no way to the host or the network
	ErrDNSTemporary                  // the name could not be looked up
	ErrDNSNotFound                   // the name does not exist
	ErrTLS                           // no handshake, or a certificate that does not satisfy
	ErrClosed                        // the connection was closed or reset
	ErrProtocol                      // what came is no SMTP reply
	ErrLogin                         // upstream.ErrLoginRefused
	ErrInterrupted                   // we broke off ourselves: the context was cancelled
	ErrBodyDamaged                   // relay.ErrBodyDamaged
	ErrOther
)

var errorKindNames = []string{
	"any", "timeout", "refused", "unreachable", "dns-temporary", "dns-nxdomain",
	"tls", "closed", "protocol", "login", "interrupted", "body-damaged", "other",
}

// String gives the name of k, as packs write it.
func (k ErrorKind) String() string {
	if int(k) < len(errorKindNames) {
		return errorKindNames[k]
	}
	return fmt.Sprintf("unknown(%d)", uint8(k))
}

// MarshalText gives the name of k.
func (k ErrorKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name of a kind.
func (k *ErrorKind) UnmarshalText(b []byte) error {
	i := slices.Index(errorKindNames, string(b))
	if i < 0 {
		return fmt.Errorf("unknown kind of error %q", b)
	}
	*k = ErrorKind(i)
	return nil
}

// RuleError says which rule is broken, where it is written, and how.
type RuleError struct {
	Position string
	Rule     string
	Err      error
}

// Error gives the position, the rule and what is wrong with it.
func (e *RuleError) Error() string {
	if e.Position == "" {
		return fmt.Sprintf("rule %q: %v", e.Rule, e.Err)
	}
	return fmt.Sprintf("%s: rule %q: %v", e.Position, e.Rule, e.Err)
}

// Unwrap gives what is wrong with the rule.
func (e *RuleError) Unwrap() error { return e.Err }
