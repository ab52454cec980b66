package classify

import (
	"strings"

	"relaykeep/relay"
)

// guessStage gives the stage that a reply mostly belongs to, where nobody says
// so: by words that are said at one stage only, then by the code, then by the
// enhanced code. What could be anywhere counts as the answer to the final dot.
// The text is folded, and has no addresses.
func guessStage(code int, enhanced, text string) relay.Stage {
	if stage := stageByText(code, text); stage != relay.StageNone {
		return stage
	}
	switch code {
	case 220, 421, 521:
		return relay.StageGreeting
	case 235, 334, 432, 435, 534, 535, 538:
		return relay.StageAuth
	case 251, 252, 450, 551, 556:
		return relay.StageRcpt
	case 354:
		return relay.StageData
	case 500, 501, 502, 503, 504, 530, 555:
		return relay.StageMail
	}
	e, ok := parseEnhanced(enhanced)
	switch {
	case !ok && (code == 550 || code == 553):
		return relay.StageRcpt
	case !ok:
		return relay.StageBody
	case e[1] == 1 && (e[2] == 7 || e[2] == 8):
		return relay.StageMail
	case e[1] == 1, e[1] == 2, e[1] == 5 && e[2] == 3:
		return relay.StageRcpt
	}
	return relay.StageBody
}

// stageByText knows the stage of some words.
func stageByText(code int, text string) relay.Stage {
	has := func(words ...string) bool { return containsAny(text, words) }
	switch {
	case has("starttls") && code == 454, strings.HasPrefix(text, "tls not available"):
		return relay.StageTLS
	case code != 530 && has("authentication failed", "authentication failure", "authentication unsuccessful",
		"login attempts", "login fail", "username and password", "bad credentials"):
		return relay.StageAuth
	case code == 421 && has("(ehlo)", "(helo)"):
		return relay.StageHello
	case code == 421:
		return relay.StageNone
	case has("helo", "ehlo") && !has("command rejected"):
		return relay.StageHello
	case has("mail from"):
		return relay.StageMail
	case has("rcpt", "recipient address", "mailbox unavailable", "no such user", "user unknown", "unknown user"):
		return relay.StageRcpt
	}
	return relay.StageNone
}
