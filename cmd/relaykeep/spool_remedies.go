package main

import (
	"fmt"
	"slices"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// remedy is a command that an operator may give now, and what for.
type remedy struct{ command, why string }

// possible gives what can be done about a message, what is most likely wanted
// first.
func (p *page) possible(m admin.Message) []remedy {
	var all []remedy
	add := func(why, format string, args ...any) {
		all = append(all, remedy{"relaykeep " + fmt.Sprintf(format, args...), why})
	}
	in := func(states ...relay.State) bool {
		return slices.ContainsFunc(m.Recipients, func(r admin.Recipient) bool { return slices.Contains(states, r.State) })
	}
	for _, number := range incidentsOf(m) {
		add("what the trouble is, and what to do", "incident show %d", number)
		add("once it is mended: send all that it holds", "incident resolve %d", number)
	}
	if in(relay.Held) {
		add("send it all the same", "spool release %s", m.ID)
	}
	if in(relay.Queued) {
		if waiting := p.waitsFor(m); waiting != "" {
			add("how that upstream stands", "upstream list %s", waiting)
		} else {
			add("try it now", "spool retry %s", m.ID)
		}
		add("keep it until it is released", "spool hold %s", m.ID)
	}
	if in(relay.Bounced, relay.Expired) && m.Body != nil && *m.Body {
		add("try it once more: its body is still kept", "spool retry %s", m.ID)
	}
	if in(relay.Queued, relay.Sending, relay.Held) {
		add("send it there instead", "spool redirect %s --to ADDRESS", m.ID)
		add("give it up, and tell the sender", "spool bounce %s", m.ID)
		add("give it up, and tell nobody", "spool delete %s", m.ID)
	}
	if answered(m) {
		add("what the last answer means", "explain --id %s", m.ID)
	}
	return all
}

// waitsFor names the upstream that the queued recipients of m wait for; "" where
// some can be tried.
func (p *page) waitsFor(m admin.Message) (name string) {
	for _, r := range m.Recipients {
		if r.State != relay.Queued {
			continue
		}
		if p.lanes.waitingFor(r, p.now) == "" {
			return ""
		}
		name = r.Eligible[0]
	}
	return name
}

// incidentsOf gives the incidents that hold recipients of a message, each once.
func incidentsOf(m admin.Message) (numbers []int64) {
	for _, r := range m.Recipients {
		if r.State == relay.Held && r.Incident > 0 && !slices.Contains(numbers, r.Incident) {
			numbers = append(numbers, r.Incident)
		}
	}
	return numbers
}

// answered reports whether some upstream has said something else than yes.
func answered(m admin.Message) bool {
	return slices.ContainsFunc(m.Recipients, func(r admin.Recipient) bool {
		return r.Last != nil && r.Last.Class != relay.ClassDelivered
	})
}

// remedies prints what can be done.
func (p *page) remedies(m admin.Message) {
	all := p.possible(m)
	if len(all) == 0 {
		return
	}
	p.WriteString("\nWhat you can do\n")
	widest, longest := 0, 0
	for _, r := range all {
		widest, longest = max(widest, cells(r.command)), max(longest, cells(r.why))
	}
	folded := p.width > 0 && 2+widest+columnGap+longest > p.width
	for _, r := range all {
		if folded {
			p.line("  ", r.command)
			p.line("      ", r.why)
			continue
		}
		p.line("  "+pad(r.command, widest+columnGap), r.why)
	}
}
