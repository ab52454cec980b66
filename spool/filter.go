package spool

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"relaykeep/relay"
)

// Filter selects messages by their recipients: a message matches when one of
// its recipients meets every condition that is set. The zero Filter selects
// all unfinished messages.
type Filter struct {
	IDs       []relay.ID    // none: every message
	States    []relay.State // none: every unfinished one, unless AnyState
	AnyState  bool
	Upstream  string
	Route     string
	From      string // a glob, without regard to case
	To        string // a glob, without regard to case
	MessageID string // with or without angle brackets
	RemoteID  string
	Before    time.Time // received before; zero for no bound
	After     time.Time // received after; zero for no bound
	Code      string    // of the last reply: "550", or a class as in "4xx"
	Limit     int       // at most so many messages; 0 for no bound
}

// History reports whether finished messages can match.
func (f Filter) History() bool {
	if f.AnyState {
		return true
	}
	for _, s := range f.States {
		if s.Finished() {
			return true
		}
	}
	return false
}

// Match reports whether e has a recipient that f selects.
func (f Filter) Match(e Entry) bool {
	if !f.matchMessage(e.Message) {
		return false
	}
	for i := range e.Recipients {
		if f.MatchRecipient(e.Recipients[i]) {
			return true
		}
	}
	return false
}

// matchMessage checks the conditions that all recipients of a message share.
func (f Filter) matchMessage(m relay.Message) bool {
	switch {
	case len(f.IDs) > 0 && !slices.Contains(f.IDs, m.ID):
	case f.From != "" && !Glob(f.From, m.From):
	case f.MessageID != "" && bare(f.MessageID) != bare(m.MessageID):
	case !f.Before.IsZero() && !m.ReceivedAt.Before(f.Before):
	case !f.After.IsZero() && !m.ReceivedAt.After(f.After):
	default:
		return true
	}
	return false
}

// MatchRecipient checks the conditions that are a recipient's own.
func (f Filter) MatchRecipient(r relay.Recipient) bool {
	switch {
	case !f.matchState(r.State):
	case f.Upstream != "" && f.Upstream != currentUpstream(r):
	case f.Route != "" && f.Route != r.Route:
	case f.To != "" && !Glob(f.To, r.Address):
	case f.RemoteID != "" && f.RemoteID != r.RemoteID:
	case f.Code != "" && !matchCode(f.Code, r.Last.Code):
	default:
		return true
	}
	return false
}

func (f Filter) matchState(s relay.State) bool {
	if f.AnyState {
		return true
	}
	if len(f.States) == 0 {
		return !s.Finished()
	}
	for _, want := range f.States {
		if want == s {
			return true
		}
	}
	return false
}

// currentUpstream is the one that a recipient is counted under: see Count.
func currentUpstream(r relay.Recipient) string {
	if (r.State == relay.Queued || r.State == relay.Sending) && len(r.Eligible) > 0 {
		return r.Eligible[0]
	}
	return r.Upstream
}

// CountKey gives the state and the upstream that r is counted under.
func CountKey(r relay.Recipient) (relay.State, string) { return r.State, currentUpstream(r) }

func matchCode(want string, code int) bool {
	if len(want) == 3 && strings.EqualFold(want[1:], "xx") {
		return code > 0 && strconv.Itoa(code)[:1] == want[:1]
	}
	return strconv.Itoa(code) == want
}

func bare(id string) string { return strings.Trim(id, "<>") }

// Glob reports whether s matches the pattern, without regard to case: * stands
// for any run of characters, ? for one, [a-z] for one of a set. A pattern that
// cannot be parsed matches itself only.
func Glob(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	// path.Match keeps * from crossing a slash; addresses may hold one.
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x01"), strings.ReplaceAll(s, "/", "\x01"))
	if err != nil {
		return pattern == s
	}
	return ok
}
