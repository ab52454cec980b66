package smtp

import (
	"strconv"

	"relaykeep/relay"
)

// The verdicts that no answer of the server stands behind.

// interrupted is for an attempt that was broken off by its context before the
// final dot.
func interrupted(stage relay.Stage) *relay.Verdict {
	return &relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionRetry,
		Stage: stage, Text: "the attempt was interrupted", Rule: "interrupted", Free: true,
	}
}

// noUTF8 is for addresses that the upstream cannot carry (RFC 6531).
func noUTF8() *relay.Verdict {
	return &relay.Verdict{
		Class: relay.ClassRejected, Scope: relay.ScopeMessage,
		Action: relay.ActionFailover, Then: relay.ActionBounce,
		Stage: relay.StageMail, Code: 553, Enhanced: "5.6.7",
		Text: "the local part of an address has non-ASCII characters, and the upstream does not offer SMTPUTF8",
		Rule: "no-smtputf8", Local: true,
	}
}

// tooLarge is for a message above the upstream's limit (RFC 1870).
func tooLarge(size, limit int64) *relay.Verdict {
	return &relay.Verdict{
		Class: relay.ClassRejected, Scope: relay.ScopeMessage,
		Action: relay.ActionFailover, Then: relay.ActionBounce,
		Stage: relay.StageMail, Code: 552, Enhanced: "5.3.4",
		Text: "the message has " + strconv.FormatInt(size, 10) + " bytes, the upstream takes " + strconv.FormatInt(limit, 10),
		Rule: "too-large", Local: true,
	}
}

// malformed is for an address that would not stay an address on the wire.
func malformed(scope relay.Scope, stage relay.Stage, enhanced string) *relay.Verdict {
	return &relay.Verdict{
		Class: relay.ClassRejected, Scope: scope, Action: relay.ActionBounce,
		Stage: stage, Code: 553, Enhanced: enhanced,
		Text: "the address is malformed and was not sent", Rule: "malformed-address", Local: true,
	}
}

// notMarked is for a mark that could not be made durable.
func notMarked(err error) *relay.Verdict {
	return &relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionRetry,
		Stage: relay.StageBody, Text: "the attempt could not be recorded: " + escape(err.Error(), relay.MaxReplyText/2),
		Rule: "not-marked", Free: true,
	}
}

// bodyDamaged is for a stored body that is not what was stored.
func bodyDamaged() *relay.Verdict {
	return &relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionHold,
		Stage: relay.StageBody, Text: "the stored body is damaged", Rule: "body-damaged",
	}
}

// bodyUnreadable is for a body that could not be read this time.
func bodyUnreadable(err error) *relay.Verdict {
	return &relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionRetry,
		Stage: relay.StageBody, Text: "the body could not be read: " + escape(err.Error(), relay.MaxReplyText/2),
		Rule: "body-unreadable", Free: true,
	}
}
