package bounce

import (
	"slices"
	"strings"

	"relaykeep/relay"
)

// cause is what a notice tells.
type cause uint8

const (
	failed  cause = iota // bounced or expired
	delayed              // still tried
	relayed              // handed to an upstream that will not tell of it itself
)

// ended gives the cause of a notice on a recipient that is finished; ok is
// false where there is nothing to tell: an operator deleted it, or its upstream
// has taken over NOTIFY (RFC 3461 5.2.2).
func ended(r *relay.Recipient) (c cause, ok bool) {
	switch r.State {
	case relay.Bounced, relay.Expired:
		return failed, true
	case relay.Delivered:
		return relayed, !r.Last.Notifies
	}
	return 0, false
}

// wanted reports whether NOTIFY wants a notice (RFC 3461 4.1): without it,
// failures and delays are told.
func wanted(notify string, c cause) bool {
	if notify == "" {
		return c != relayed
	}
	word := [...]string{failed: "FAILURE", delayed: "DELAY", relayed: "SUCCESS"}[c]
	return slices.Contains(strings.Split(notify, ","), word)
}

// group is what one notice tells of.
type group struct {
	cause    cause
	settings Settings
	of       []relay.Recipient
}

// groups sorts recipients by cause and settings, in the order in which they
// come. causeOf says what there is to tell of one, ok false for nothing.
func (r *Reporter) groups(of []relay.Recipient, causeOf func(*relay.Recipient) (c cause, ok bool)) []group {
	var all []group
	for i := range of {
		c, ok := causeOf(&of[i])
		if !ok || !wanted(of[i].Notify, c) {
			continue
		}
		s := r.settingsOf(of[i].Route)
		if len(s.audience(Sender)) == 0 {
			continue
		}
		at := slices.IndexFunc(all, func(g group) bool { return g.cause == c && g.settings == s })
		if at < 0 {
			at = len(all)
			all = append(all, group{cause: c, settings: s})
		}
		all[at].of = append(all[at].of, of[i])
	}
	return all
}

func (r *Reporter) settingsOf(route string) Settings {
	if s, ok := r.Routes[route]; ok {
		return s
	}
	return r.Default
}

// audience lists who gets a notice; the first stands in its To field.
func (s Settings) audience(sender string) []string {
	var to []string
	switch s.To {
	case Nobody, "":
	case Sender:
		to = append(to, sender)
	default:
		to = append(to, s.To)
	}
	if s.Copy != "" && !slices.Contains(to, s.Copy) {
		to = append(to, s.Copy)
	}
	return to
}
