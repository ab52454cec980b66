package classify

import (
	"strings"
	"time"

	"relaykeep/relay"
)

// Next says in a sentence or two what is done about a verdict. It is about the
// verdict alone: how many upstreams a route has, and when exactly a message is
// due again, others know.
func Next(v relay.Verdict) string {
	var sentences []string
	if v.Class == relay.ClassUnknown {
		sentences = append(sentences, doubtful)
	} else {
		sentences = append(sentences, actionWords(v)...)
	}
	if v.Warn {
		sentences = append(sentences, "An incident is opened at once, so that somebody looks at it.")
	}
	if v.RetryAfter > 0 && v.Class != relay.ClassRejected && v.Action != relay.ActionDone && v.Action != relay.ActionHold {
		sentences = append(sentences, delayWords(v.Action, v.RetryAfter))
	}
	return strings.Join(sentences, " ")
}

const doubtful = "Whether it was delivered is not known, so the route's in_doubt decides; it is sent again by itself once at most, and a second unknown outcome holds it with an incident."

func actionWords(v relay.Verdict) []string {
	switch v.Action {
	case relay.ActionDone:
		return []string{"Nothing is left to do: the upstream has agreed."}
	case relay.ActionRetry:
		return []string{retryWords(v)}
	case relay.ActionSlow:
		words := []string{"The upstream is asked less, over fewer connections and at a lower rate, and the message is tried there again; that costs it no attempt."}
		if v.Then == relay.ActionFailover {
			words = append(words, "Where that does not help, the next upstream of the route is asked.")
		}
		return words
	case relay.ActionFailover:
		return []string{"The next upstream of the route is asked at once.", without(v)}
	case relay.ActionPark:
		return []string{"The upstream gets nothing more until its quota resets.", without(v)}
	case relay.ActionHold:
		return []string{holdWords(v.Scope)}
	case relay.ActionDisable:
		return []string{"An incident is opened, and the upstream gets no mail until a probe of it works again.",
			"Meanwhile its mail goes to the next upstream of the route; where there is none, it waits."}
	case relay.ActionBounce:
		return []string{bounceWords(v.Scope)}
	}
	return []string{"It is tried again, by the retry schedule of its route."}
}

func retryWords(v relay.Verdict) string {
	switch {
	case v.Split == relay.SplitHalf:
		return "Split: the recipients are sent again at once in smaller transactions, and so are others for an hour; that costs no attempt. One that was alone is tried again by the retry schedule of its route."
	case v.Split == relay.SplitDomain:
		return "Split: the recipients are sent again at once in smaller transactions, one domain in each, and so are others for an hour; that costs no attempt. One that was alone is tried again by the retry schedule of its route."
	case v.Scope == relay.ScopeRecipient:
		return "The recipient is tried again at the same upstream, by the retry schedule of the route; another upstream would not help."
	}
	return "It is tried again at the same upstream, by the retry schedule of the route; after failover_after failures there the next upstream is asked."
}

// without says what happens where no other upstream can be asked.
func without(v relay.Verdict) string {
	then := v.Then
	if v.Action == relay.ActionPark {
		then = relay.ActionPark
	}
	switch then {
	case relay.ActionPark:
		return "Where there is no other, the mail is kept until the quota resets; that costs it no attempt."
	case relay.ActionBounce:
		return "Where there is no other, it is given up and bounced."
	case relay.ActionHold:
		return "Where there is no other, it is held with an incident."
	}
	return "Where there is no other, it is tried again by the retry schedule of the route."
}

func holdWords(s relay.Scope) string {
	if s == relay.ScopeSender {
		return "An incident is opened, and the mail of this sender does not go to this upstream any more: the other upstreams of the route are asked, and where there is none it is held until the incident is resolved."
	}
	return "It is held with an incident until somebody has looked at it."
}

func bounceWords(s relay.Scope) string {
	if s == relay.ScopeRecipient {
		return "The recipient is given up and bounced; the other recipients are not touched."
	}
	return "The message is given up and bounced."
}

func delayWords(a relay.Action, d time.Duration) string {
	if a == relay.ActionDisable {
		return "The first probe comes after " + inWords(d) + " at the earliest."
	}
	return "This upstream is asked again after " + inWords(d) + " at the earliest."
}

// inWords writes a duration without the units that are zero.
func inWords(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
