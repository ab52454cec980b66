package bounce

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"relaykeep/relay"
)

// The bounds of the part for people, in bytes: of all of it, and of a reply
// and a subject in it.
const (
	maxText    = 96 << 10
	maxQuoted  = 500
	maxSubject = 300
	textWidth  = 72
)

// text is the part for people. told is how many recipients the part for
// machines tells of.
func (n *notice) text(told int) string {
	p := &prose{}
	p.paragraph("", "This is the mail relay at "+n.hostname+".")
	p.paragraph("", n.summary())
	n.facts(p)
	shown := 0
	for _, alike := range n.alike() {
		shown += n.story(p, alike)
	}
	if left := len(n.of) - min(shown, told); left > 0 {
		p.paragraph("", fmt.Sprintf("There was no room for all: %s had the like happen. The people who run this relay can list them.", plural(left, "more recipient", "more recipients")))
	}
	p.paragraph("", n.returns())
	return p.String()
}

// summary says what happened, in a sentence or two.
func (n *notice) summary() string {
	count := len(n.of)
	switch n.cause {
	case delayed:
		return fmt.Sprintf("Your message has not been delivered to %s yet. There is nothing that you need to do: it is tried again%s, and you are told if it fails.",
			recipients(count), n.lastChance())
	case relayed:
		return fmt.Sprintf("Your message to %s is on its way: it was handed to the next server, which does not send a confirmation of its own. This is no proof that it was read, or that it has reached a mailbox.", recipients(count))
	}
	return fmt.Sprintf("Your message could not be delivered to %s. It is not tried again.", recipients(count))
}

// lastChance says until when all are tried, where that is known.
func (n *notice) lastChance() string {
	var last time.Time
	for i := range n.of {
		if e := n.of[i].ExpiresAt; e.After(last) {
			last = e
		}
	}
	if last.IsZero() {
		return ""
	}
	return " until " + date(last)
}

// facts name the message.
func (n *notice) facts(p *prose) {
	if s := textLine(decoded(n.original.Subject), maxSubject); s != "" {
		p.line("  Subject: ", s)
	}
	p.line("  Sent:    ", date(n.original.ReceivedAt))
	if n.original.MessageID != "" {
		p.line("  Message: ", textLine(n.original.MessageID, maxSubject))
	}
	p.line("  Id:      ", string(n.original.ID))
	p.WriteString("\r\n")
}

// fate is what recipients have in common.
type fate struct {
	advice
	source, answer string // what the last attempt gave, and who said it
}

// told is one fate and who has it.
type told struct {
	fate
	to []string
}

// alike sorts the recipients by their fate, in their order.
func (n *notice) alike() []told {
	var all []told
	at := make(map[fate]int)
	for i := range n.of {
		r := &n.of[i]
		f := fate{advice: n.explain(r)}
		if f.answer = textLine(answer(&r.Last), maxQuoted); f.answer != "" {
			f.source = source(r.Last.Code, n.remote(r))
		}
		place, ok := at[f]
		if !ok {
			place = len(all)
			at[f] = place
			all = append(all, told{fate: f})
		}
		all[place].to = append(all[place].to, addressed(r))
	}
	return all
}

// source says where an answer comes from.
func source(code int, host string) string {
	switch {
	case code == 0:
		return "The last attempt ended with"
	case host == "":
		return "The answer was"
	}
	return host + " said"
}

// addressed names a recipient, and whom the sender had written to where that
// is another address.
func addressed(r *relay.Recipient) string {
	s := textLine(r.Address, relay.MaxAddress)
	_, before, _ := strings.Cut(r.OriginalRecipient, ";")
	if before == "" || strings.EqualFold(before, r.Address) {
		return s
	}
	return s + " (written to as " + textLine(before, relay.MaxAddress) + ")"
}

// story tells of recipients with the same fate, of as many as there is room
// for.
func (n *notice) story(p *prose, t told) (shown int) {
	for _, address := range t.to {
		if p.Len() > maxText {
			break
		}
		p.line("", address)
		shown++
	}
	if shown == 0 {
		return 0
	}
	p.line("    ", t.why)
	if t.answer != "" {
		p.line("    ", t.source+":")
		p.line("      ", t.answer)
	}
	if t.do != "" {
		p.line("    ", "What to do: "+t.do)
	}
	p.WriteString("\r\n")
	return shown
}

// returns says what is attached.
func (n *notice) returns() string {
	switch {
	case n.returned.mediaType == "":
		return "A report for mail programs is attached."
	case n.returned.whole:
		return "A report for mail programs and your message are attached."
	}
	return "A report for mail programs and the header of your message are attached."
}

func recipients(n int) string {
	if n == 1 {
		return "the recipient below"
	}
	return fmt.Sprintf("the %d recipients below", n)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// prose is text in lines of textWidth at most, but for longer words.
type prose struct{ strings.Builder }

// paragraph writes text and an empty line.
func (p *prose) paragraph(prefix, text string) {
	p.line(prefix, text)
	p.WriteString("\r\n")
}

// line writes text behind a prefix; what does not fit goes on below it.
func (p *prose) line(prefix, text string) {
	used := len(prefix)
	p.WriteString(prefix)
	for i, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+length > textWidth:
			p.WriteString("\r\n" + strings.Repeat(" ", len(prefix)))
			used = len(prefix)
		default:
			p.WriteByte(' ')
			used++
		}
		p.WriteString(word)
		used += length
	}
	p.WriteString("\r\n")
}
