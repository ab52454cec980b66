package main

import (
	"cmp"
	"fmt"
	"mime"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// page is what spool show prints for people: what happened to a mail, and why.
type page struct {
	strings.Builder
	width   int // of the terminal; 0: none
	colours palette
	now     time.Time

	routes map[string]string // which mail takes a route, by its name; nil: not known
	lanes  lanes
}

// labelWidth is that of the left column.
const labelWidth = 12

func (p *page) message(m admin.Message) {
	p.fact("Message", string(m.ID))
	p.fact("Subject", decoded(m.Subject))
	p.fact("From", cmp.Or(m.From, "<> (a bounce or another notice)"))
	p.fact("Message-ID", m.MessageID)
	p.fact("Received", p.received(m))
	p.fact("Size", p.size(m))
	p.fact("Repaired", m.Repaired)
	p.WriteString("\nRecipients\n")
	for _, alike := range runs(m.Recipients, sameFate) {
		p.recipients(alike)
	}
	p.WriteString("\nWhat happened\n")
	p.happened(m.ReceivedAt.Time, relay.EventAccepted, fmt.Sprintf("from %s for %s", cmp.Or(m.From, "<>"), count(int64(len(m.Recipients)), "recipient", "recipients")))
	for _, again := range runs(runs(m.Events, sameEvent), sameAgain) {
		p.repeated(again, len(m.Recipients) > 1)
	}
	p.remedies(m)
}

// decoded gives a header text as people read it (RFC 2047); as it stands where that
// is not to be made out.
func decoded(text string) string {
	if d, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
		return d
	}
	return text
}

// fact prints a line with a label, if there is something to say.
func (p *page) fact(label, text string) {
	if text != "" {
		p.line(pad(label, labelWidth), text)
	}
}

// line prints text behind a prefix; what does not fit goes on below it.
func (p *page) line(prefix, text string) {
	p.coloured(prefix, plain, "", text)
}

// coloured is line for a text that begins with a word in a colour.
func (p *page) coloured(prefix string, c colour, word, rest string) {
	text := oneLine(word + rest)
	indent := cells(prefix)
	for first := true; first || text != ""; first = false {
		part, rest := text, ""
		if p.width > 0 {
			part, rest = split(text, max(20, p.width-indent))
		}
		if tail, ok := strings.CutPrefix(part, word); ok && first {
			part = p.colours.paint(c, word) + tail
		}
		p.WriteString(strings.TrimRight(prefix+part, " "))
		p.WriteByte('\n')
		prefix, text = strings.Repeat(" ", indent), rest
	}
}

// split cuts text at a blank so that the first part fits into a width; where
// there is none, within a word.
func split(text string, width int) (part, rest string) {
	used, blank := 0, 0
	for i, r := range text {
		if r == ' ' {
			blank = i
		}
		if used += runeCells(r); used > width {
			if blank == 0 {
				return text[:i], text[i:]
			}
			return text[:blank], text[blank+1:]
		}
	}
	return text, ""
}

func (p *page) received(m admin.Message) string {
	s := fmt.Sprintf("%s (%s ago)", moment(m.ReceivedAt.Time), age(p.now.Sub(m.ReceivedAt.Time)))
	if m.Listener != "" {
		s += " by listener " + m.Listener
	}
	if m.Client != "" {
		s += " from " + m.Client
	}
	if m.User != "" {
		s += ", logged in as " + m.User
	}
	return s
}

func (p *page) size(m admin.Message) string {
	s := size(m.Size)
	if m.Body != nil && !*m.Body {
		s += ", body deleted"
	}
	return s
}

// recipients prints where recipients of the same fate stand, and why.
func (p *page) recipients(alike []admin.Recipient) {
	r := alike[0]
	p.line("  ", names(len(alike), func(i int) string { return alike[i].Address }))
	state := r.State.String()
	p.coloured("    ", stateColour(r.State), state, strings.TrimPrefix(p.standing(r), state))
	if r.State == relay.Held {
		p.line("    ", heldNext(r))
	}
	if r.Last != nil {
		p.line("    ", fmt.Sprintf("last %s ago %s", age(p.now.Sub(r.Last.At.Time)), verdictWords(r.Last.Upstream, r.Last.Verdict)))
	}
	if r.RemoteID != "" {
		p.line("    ", r.Upstream+" calls it "+r.RemoteID)
	}
	if r.InDoubt > 0 {
		p.line("    ", count(int64(r.InDoubt), "attempt", "attempts")+" with an unknown outcome: a second copy may exist")
	}
	if !r.State.Finished() {
		p.line("    ", p.way(r))
	} else if r.Route != "" {
		p.line("    ", "route "+r.Route)
	}
	if why := p.routes[r.Route]; why != "" {
		p.line("    ", "that route "+why)
	}
}

// standing tells the state of a recipient.
func (p *page) standing(r admin.Recipient) string {
	s := r.State.String()
	switch r.State {
	case relay.Queued:
		if waiting := p.lanes.waitingFor(r, p.now); waiting != "" {
			s += ", waits for " + waiting
			break
		}
		s += ", next attempt " + until(r.NextAttempt.Time, p.now)
		if r.Upstream != "" {
			s += " at " + r.Upstream
		}
	case relay.Sending:
		s += " to " + r.Upstream
	case relay.Held:
		s = stateWords(r)
	case relay.Delivered:
		s += " to " + r.Upstream
	}
	if !r.FinishedAt.IsZero() {
		s += " " + moment(r.FinishedAt.Time)
	}
	if r.Attempts > 0 {
		s += ", " + count(int64(r.Attempts), "attempt", "attempts")
	}
	return s
}

// stateWords tells a state, and why where that is held.
func stateWords(r admin.Recipient) string {
	s := r.State.String()
	switch {
	case r.State != relay.Held || r.HoldReason == "":
		return s
	case strings.HasPrefix(r.HoldReason, s+" "):
		return r.HoldReason
	}
	return s + ": " + r.HoldReason
}

// way tells which way a recipient goes.
func (p *page) way(r admin.Recipient) string {
	s := "route " + cmp.Or(r.Route, "unknown")
	if len(r.Eligible) > 0 {
		s += " by " + strings.Join(r.Eligible, ", then ")
	}
	s += ", priority " + r.Priority.String()
	if !r.ExpiresAt.IsZero() && !relay.HeldOnPurpose(r.HoldReason) {
		s += fmt.Sprintf(", expires %s (%s)", moment(r.ExpiresAt.Time), until(r.ExpiresAt.Time, p.now))
	}
	return s
}

// verdictWords tells an answer and what was made of it.
func verdictWords(upstream string, v admin.Verdict) string {
	var b strings.Builder
	if upstream != "" {
		b.WriteString("at " + upstream)
	}
	if s := v.Stage.String(); s != "" {
		b.WriteString(", stage " + s)
	}
	if s := reply(v); s != "" {
		b.WriteString(": " + s)
	}
	if s := judgement(v); s != "" {
		b.WriteString(" [" + s + "]")
	}
	return strings.TrimLeft(b.String(), ", ")
}

// judgement tells class, scope, rule and action of a verdict, where there is
// something to judge.
func judgement(v admin.Verdict) string {
	s := v.Class.String()
	if v.Class == relay.ClassDelivered {
		return ""
	}
	if scope := v.Scope.String(); scope != "" {
		s += " for the " + scope
	}
	if v.Rule != "" {
		s += ", rule " + v.Rule
	}
	if action := v.Action.String(); action != "" {
		s += " → " + action
	}
	return s
}

// maxRepeated is how often the same may happen before it is told in short.
const maxRepeated = 3

// repeated prints what happened again and again: the first and the last time
// where it was often.
func (p *page) repeated(again [][]admin.Event, others bool) {
	last := len(again) - 1
	for i, alike := range again {
		switch {
		case len(again) <= maxRepeated || i == 0 || i == last:
			p.events(alike, others)
		case i == 1:
			p.line(strings.Repeat(" ", len("  2006-01-02 15:04:05  ")), fmt.Sprintf("… the same %s more …", count(int64(last-1), "time", "times")))
		}
	}
}

// events prints a line of the time line: of events that say the same of
// several recipients. Which ones matters where there are others.
func (p *page) events(alike []admin.Event, others bool) {
	p.happened(alike[0].At.Time, alike[0].Event, eventWords(alike, others))
}

// eventWords tells what events say that say the same.
func eventWords(alike []admin.Event, others bool) string {
	e := alike[0]
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if e.To != "" && others {
		add("%s", names(len(alike), func(i int) string { return alike[i].To }))
	}
	if e.Attempt > 0 {
		add("attempt %d", e.Attempt)
	}
	if e.Verdict != nil {
		add("%s", verdictWords(e.Upstream, *e.Verdict))
	} else if e.Upstream != "" {
		add("at %s", e.Upstream)
	}
	if e.Detail != "" {
		add("%s", e.Detail)
	}
	if e.Incident > 0 {
		add("incident %d", e.Incident)
	}
	if !e.NextAttempt.IsZero() {
		add("next attempt %s later", age(e.NextAttempt.Sub(e.At.Time)))
	}
	if e.DurationMS > 0 {
		add("took %s", time.Duration(e.DurationMS)*time.Millisecond)
	}
	return strings.Join(parts, ", ")
}

func (p *page) happened(at time.Time, what relay.EventKind, text string) {
	p.line(fmt.Sprintf("  %s  %s  ", at.Local().Format("2006-01-02 15:04:05"), pad(p.event(what), eventWidth)), text)
}

func (p *page) event(what relay.EventKind) string {
	return p.colours.paint(eventColour(what), string(what))
}

// eventWidth is that of the names of events.
const eventWidth = 10
