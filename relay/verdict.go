package relay

import (
	"errors"
	"fmt"
	"time"
)

// Class is what became of a recipient in one attempt.
type Class uint8

// The classes. Unknown means that the final dot was (or may have been) sent
// and no answer came: the mail may have been delivered (RFC 1047).
const (
	ClassNone Class = iota
	ClassDelivered
	ClassDeferred
	ClassRejected
	ClassUnknown
)

// Scope says what an answer blames.
type Scope uint8

// The scopes. ScopeSender means: this sender at this upstream.
const (
	ScopeNone Scope = iota
	ScopeRecipient
	ScopeMessage
	ScopeSender
	ScopeUpstream
)

// Action is what is to be done about an answer.
type Action uint8

// The actions.
const (
	ActionNone     Action = iota
	ActionDone            // nothing: it is delivered
	ActionRetry           // again at the same upstream, by the retry schedule
	ActionSlow            // ask this upstream less, then again
	ActionFailover        // the next upstream of the route, at once
	ActionPark            // keep until the quota resets
	ActionHold            // hold the mail of this sender at this upstream, and tell
	ActionDisable         // stop using this upstream until a probe works, and tell
	ActionBounce          // give up: permanent
)

// Split says how recipients that do not go together in one transaction are
// sent again.
type Split uint8

// The splits.
const (
	SplitNone   Split = iota
	SplitHalf         // there were too many: half as many in each
	SplitDomain       // one domain in each
)

// Stage is the step of an SMTP dialogue that an answer belongs to.
type Stage uint8

// The stages, in the order in which they are reached. StageData is the answer
// to DATA; StageBody is the sending of the body and the answer to the final
// dot.
const (
	StageNone Stage = iota
	StageDial
	StageTLS
	StageGreeting
	StageHello
	StageAuth
	StageMail
	StageRcpt
	StageData
	StageBody
)

var (
	classNames  = []string{"", "delivered", "deferred", "rejected", "unknown"}
	scopeNames  = []string{"", "recipient", "message", "sender", "upstream"}
	actionNames = []string{"", "done", "retry", "slow", "failover", "park", "hold", "disable", "bounce"}
	splitNames  = []string{"", "half", "domain"}
	stageNames  = []string{"", "dial", "tls", "greeting", "hello", "auth", "mail", "rcpt", "data", "body"}
)

// String gives the contract's name of c.
func (c Class) String() string { return nameOf(classNames, uint8(c)) }

// MarshalText gives the contract's name of c.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the contract's name of a class.
func (c *Class) UnmarshalText(b []byte) error { return fromName((*uint8)(c), classNames, "class", b) }

// String gives the contract's name of s.
func (s Scope) String() string { return nameOf(scopeNames, uint8(s)) }

// MarshalText gives the contract's name of s.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the contract's name of a scope.
func (s *Scope) UnmarshalText(b []byte) error { return fromName((*uint8)(s), scopeNames, "scope", b) }

// String gives the contract's name of a.
func (a Action) String() string { return nameOf(actionNames, uint8(a)) }

// MarshalText gives the contract's name of a.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the contract's name of an action.
func (a *Action) UnmarshalText(b []byte) error {
	return fromName((*uint8)(a), actionNames, "action", b)
}

// String gives the name of s, as packs write it.
func (s Split) String() string { return nameOf(splitNames, uint8(s)) }

// MarshalText gives the name of s.
func (s Split) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a split.
func (s *Split) UnmarshalText(b []byte) error { return fromName((*uint8)(s), splitNames, "split", b) }

// String gives the contract's name of s.
func (s Stage) String() string { return nameOf(stageNames, uint8(s)) }

// MarshalText gives the contract's name of s.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the contract's name of a stage.
func (s *Stage) UnmarshalText(b []byte) error { return fromName((*uint8)(s), stageNames, "stage", b) }

// Verdict is what one attempt at one upstream means for one recipient, and
// what is to be done about it.
type Verdict struct {
	Class  Class
	Scope  Scope
	Action Action
	Then   Action // what follows where Action cannot be done (no other upstream); ActionNone: retry

	Stage    Stage
	Code     int    // the reply code, 0 where no reply came
	Enhanced string // "4.7.1", or "" where the reply has none
	Text     string // the reply without its codes, or the error; untrusted, control characters escaped, at most MaxReplyText bytes
	RemoteID string // what the provider called the message, of a 250
	Rule     string // the name of the rule that decided

	// RetryAfter is the least delay that the answer asks for; 0 for none.
	RetryAfter time.Duration

	// Split says that the envelope is to blame: the recipients that the answer
	// is about are sent again at once, in smaller transactions, at no cost.
	Split Split

	// Notifies says of a delivery that the upstream has taken over NOTIFY: it
	// announced DSN (RFC 3461), so a wanted success is for it to report.
	Notifies bool

	// Warn asks for an incident at once, though the upstream is not disabled:
	// its account, our address or an app needs somebody's look.
	Warn bool

	// Free means that the attempt costs the message nothing: the upstream is
	// to blame before it has seen the message, or we broke it off ourselves.
	Free bool

	// Local means that we refused by ourselves what the upstream would not have
	// taken: it was not asked, so that this tells nothing of it. It is of use
	// in the attempt only, and not stored.
	Local bool
}

// MaxReplyText bounds Verdict.Text, in bytes.
const MaxReplyText = 1024

// ErrBodyDamaged is matched by the error of a body whose stored bytes do not
// have their checksum any more. Such a message is held, never sent.
var ErrBodyDamaged = errors.New("the stored body is damaged")

func nameOf(names []string, v uint8) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("unknown(%d)", v)
}

func fromName(v *uint8, names []string, kind string, b []byte) error {
	for i, n := range names {
		if n == string(b) {
			*v = uint8(i)
			return nil
		}
	}
	return fmt.Errorf("unknown %s %q", kind, b)
}
