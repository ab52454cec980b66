package outgoing

import (
	"relaykeep/relay"
	"relaykeep/relay/message"
	"relaykeep/upstream"
)

// The verdicts for what cannot be made fit. None of them says anything about
// the upstream, so they have no reply code.

// unmendable is for content that may not be encoded anew: another upstream may
// take it as it is, but for long lines, which none has to take.
func unmendable(e *message.UnmendableError) error {
	rule, enhanced := "no-8bitmime", "5.6.3"
	if e.LongLine {
		rule, enhanced = "long-line", "5.6.0"
	}
	return refused(rule, enhanced, "the upstream does not take the message: "+e.Error())
}

// needsUTF8 is for an address in the header that cannot be written in ASCII.
func needsUTF8(e *message.AddressError) error {
	return refused("no-smtputf8", "5.6.7", "the upstream does not offer SMTPUTF8, and "+e.Error())
}

func refused(rule, enhanced, text string) error {
	return &upstream.Unsuitable{Verdict: relay.Verdict{
		Class: relay.ClassRejected, Scope: relay.ScopeMessage,
		Action: relay.ActionFailover, Then: relay.ActionBounce,
		Stage: relay.StageMail, Enhanced: enhanced, Text: cut(text), Rule: rule, Local: true,
	}}
}

// notSigned is for what could not be signed. It is not sent without a
// signature, which receivers may want, and not bounced, for the fault is ours:
// another upstream may do without, and else people have to look at it.
func notSigned(err error) error {
	return held("not-signed", "the message could not be signed: "+err.Error())
}

func tooLargeHeader() error {
	return held("header-too-large", message.ErrHeaderTooLarge.Error()+" to be rewritten or signed")
}

func held(rule, text string) error {
	return &upstream.Unsuitable{Verdict: relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionHold,
		Stage: relay.StageMail, Text: cut(text), Rule: rule, Local: true,
	}}
}

func cut(text string) string { return text[:min(len(text), relay.MaxReplyText)] }
