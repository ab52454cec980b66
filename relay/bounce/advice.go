package bounce

import (
	"strings"

	"relaykeep/relay"
)

// advice says why, and what to do, for status codes of RFC 3463 and of its
// registry (RFC 5248), without the class.
type advice struct{ why, do string }

const (
	doCheck  = "Check the spelling of the address. If it is right, it is not in use any more: take it off your lists, and ask the recipient another way."
	doLater  = "Send it again later, or reach the recipient another way."
	doShrink = "Send a smaller message: a link in place of an attachment, for example."
	doAsk    = "Show this notice to the people who run this relay; the id above is what they look for."
	doChange = "Change what the answer complains of, and send it again. The people who run this relay can help."
)

var byStatus = map[string]advice{
	"1.0":  {"Something is wrong with the address.", doCheck},
	"1.1":  {"There is no such mailbox.", doCheck},
	"1.2":  {"There is no such mail domain.", doCheck},
	"1.3":  {"The address is malformed.", doCheck},
	"1.6":  {"The mailbox has moved.", doCheck},
	"1.10": {"The domain takes no mail.", doCheck},
	"2.0":  {"Something is wrong with the mailbox.", doLater},
	"2.1":  {"The mailbox is disabled.", doLater},
	"2.2":  {"The mailbox is full.", doLater},
	"2.3":  {"The message is too large for the mailbox.", doShrink},
	"3.4":  {"The message is too large.", doShrink},
	"4.6":  {"The message went round in circles.", doAsk},
	"4.7":  {"It could not be delivered in time.", doLater},
	"6.7":  {"The address, or the header, has characters that the way to the recipient cannot carry.", doChange},
}

// bySubject is asked where byStatus knows nothing: by the second number.
var bySubject = map[string]advice{
	"1": {"The address was not accepted.", doCheck},
	"2": {"The mailbox does not take the message.", doLater},
	"4": {"The way to the recipient is disturbed.", doLater},
	"6": {"The content of the message was not accepted.", doChange},
	"7": {"The message is refused by a rule of the recipient's side, or of the provider.", doChange},
}

// explain says why a recipient of a notice has its fate, and what to do.
func (n *notice) explain(r *relay.Recipient) advice {
	switch {
	case n.cause == relayed:
		return advice{why: "It was handed on to a server that does not report any further."}
	case n.cause == delayed:
		return n.explainDelay(r)
	case r.State == relay.Expired:
		return n.explainExpiry(r)
	}
	a := adviceOn(status(r, n.cause))
	if m := n.meaningOf(r); m != "" {
		a.why = m
	} else if a.why == "" {
		a.why = "The message was refused for good."
	}
	return a
}

func (n *notice) explainExpiry(r *relay.Recipient) advice {
	a := advice{why: "It could not be delivered in time", do: doLater}
	switch {
	case r.Attempts == 1:
		a.why += ": one attempt failed."
	case r.Attempts > 1:
		a.why += ": " + plural(r.Attempts, "attempt", "attempts") + " failed."
	default:
		a.why += "."
	}
	if m := n.meaningOf(r); m != "" {
		a.why += " " + m
	}
	return a
}

func (n *notice) explainDelay(r *relay.Recipient) advice {
	a := advice{why: "It waits, and is tried again."}
	if m := n.meaningOf(r); m != "" {
		a.why = m + " " + a.why
	}
	return a
}

// meaningOf is what the rule of the last verdict means, "" if that is not
// known.
func (n *notice) meaningOf(r *relay.Recipient) string {
	if r.Last.Rule == "" || n.meaning == nil {
		return ""
	}
	return n.meaning(r.Last.Rule)
}

func adviceOn(status string) advice {
	_, subject, _ := strings.Cut(status, ".")
	if a, ok := byStatus[subject]; ok {
		return a
	}
	subject, _, _ = strings.Cut(subject, ".")
	if a, ok := bySubject[subject]; ok {
		return a
	}
	return advice{do: doAsk}
}
