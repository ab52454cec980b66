package main

import (
	"fmt"
	"strconv"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/spool"
	"relaykeep/upstream/classify"
)

// incidentTable is what incident list prints for people.
func incidentTable(all []admin.Incident, width int, colours palette, now time.Time) string {
	g := grid{heads: []string{"ID", "KIND", "ABOUT", "SINCE", "TIMES", "HOLDS", "WHAT"}, width: width}
	for _, i := range all {
		since := age(now.Sub(i.OpenedAt.Time))
		if !i.Open {
			since = "closed " + age(now.Sub(i.ClosedAt.Time)) + " ago"
		}
		g.rows = append(g.rows, []string{
			strconv.FormatInt(i.Number, 10), colours.paint(incidentColour(i), string(i.Kind)), orDash(about(i)), since,
			strconv.Itoa(i.Times), heldNumber(i.Held), oneLine(i.Detail),
		})
	}
	return g.String()
}

// about tells what an incident is about: an upstream, or a sender there.
func about(i admin.Incident) string {
	switch {
	case i.Kind == relay.IncidentSender && i.Upstream != "":
		return oneLine(senderName(i.Sender) + " at " + i.Upstream)
	case i.Kind == relay.IncidentSender:
		return oneLine(senderName(i.Sender))
	}
	return oneLine(i.Upstream)
}

// senderName names a sender, the null sender too.
func senderName(sender string) string {
	if sender == "" {
		return "<>"
	}
	return sender
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func heldNumber(n int64) string {
	s := strconv.FormatInt(n, 10)
	if n >= spool.MaxHeldCount {
		s += "+"
	}
	return s
}

func heldWords(i admin.Incident) string {
	if i.Held >= spool.MaxHeldCount {
		return fmt.Sprintf("%d recipients or more", i.Held)
	}
	return count(i.Held, "recipient", "recipients")
}

// incident prints everything about an incident, and what can be done.
func (p *page) incident(i admin.Incident, rules *classify.Classifier) {
	state := "open"
	if !i.Open {
		state = "closed"
	}
	p.fact("Incident", fmt.Sprintf("%d, %s", i.Number, state))
	p.fact("Kind", string(i.Kind)+kindWords(i.Kind))
	p.fact("Upstream", i.Upstream)
	if i.Kind == relay.IncidentSender {
		p.fact("Sender", senderName(i.Sender))
	}
	p.fact("What", i.Detail)
	if i.Verdict != nil {
		p.fact("Answer", verdictWords("", *i.Verdict))
		p.meaning(pad("Meaning", labelWidth), i.Verdict.Rule, rules)
	}
	opened := fmt.Sprintf("%s (%s ago)", moment(i.OpenedAt.Time), age(p.now.Sub(i.OpenedAt.Time)))
	if i.Times > 1 {
		opened += fmt.Sprintf(", for the %s time", ordinal(i.Times))
	}
	p.fact("Opened", opened)
	if !i.Open {
		p.fact("Closed", fmt.Sprintf("%s (%s ago) by %s", moment(i.ClosedAt.Time), age(p.now.Sub(i.ClosedAt.Time)), i.ClosedBy))
	}
	p.fact("Holds", heldWords(i))
	if advice := advise(i); len(advice) > 0 {
		p.WriteString("\nWhat to do\n")
		for _, s := range advice {
			p.line("  ", s)
		}
	}
}

// ordinal gives 2nd, 3rd, 11th, …
func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

func kindWords(k relay.IncidentKind) string {
	switch k {
	case relay.IncidentUpstream:
		return ": this upstream is not used, its mail goes another way where there is one"
	case relay.IncidentSender:
		return ": this upstream does not take mail of this sender"
	case relay.IncidentQuota:
		return ": what this upstream takes in a time is used up"
	case relay.IncidentMessage:
		return ": a message that is not to be sent without somebody's look at it"
	case relay.IncidentRoute:
		return ": mail without a way in the configuration of today"
	case relay.IncidentBackup:
		return ": no backup of the spool is made any more; no mail is held"
	case relay.IncidentWarning:
		return ": an answer that somebody should know of; no mail is held, no upstream disabled"
	}
	return ""
}

// advise says what an operator can do about an open incident.
func advise(i admin.Incident) []string {
	if !i.Open {
		return nil
	}
	resolve := fmt.Sprintf("relaykeep incident resolve %d", i.Number)
	switch i.Kind {
	case relay.IncidentUpstream:
		tried := "relaykeep upstream probe " + i.Upstream + " tries it at once. It is also tried by itself now and then: when that works, the incident closes and what it holds is sent."
		if i.Verdict != nil && i.Verdict.Stage >= relay.StageMail {
			tried = "It is tried by itself now and then, with one mail, for a probe comes no further than the login: when that is taken, the incident closes and what it holds is sent."
		}
		return []string{
			"Mend what the answer names: the login, the account, or the configuration of this upstream.",
			tried,
			resolve + " closes it now: the upstream is tried again, and what is not mended opens it again.",
			"Mail that has no other way waits in the queue meanwhile: relaykeep spool list --upstream " + i.Upstream,
		}
	case relay.IncidentSender:
		return []string{
			"Have " + senderName(i.Sender) + " allowed at the provider, or give its mail a route by another upstream.",
			"A mail of that sender, new or held, is tried now and then: when it is taken, the incident closes and what it holds is sent. Held mail that has another way after a reload goes by that.",
			resolve + " closes it now and sends what it holds.",
		}
	case relay.IncidentQuota:
		return []string{
			"Nothing has to be done: it closes when the quota is filled up again, and what it holds is sent.",
			"For more at once: raise the quota at the provider, or add another upstream to the route. Then: " + resolve + ".",
		}
	case relay.IncidentMessage:
		if i.Held == 0 {
			return []string{"It holds no mail; the log says more. " + resolve + " closes it."}
		}
		return []string{
			"relaykeep spool list --state held names the mail, relaykeep spool show ID tells what happened to it. Where an outcome is unknown, ask the recipient or look into the provider's log.",
			resolve + " sends what it holds (again).",
		}
	case relay.IncidentRoute:
		return []string{
			"Give the mail a way: a route that matches it, by upstreams that exist. Then relaykeep reload: what has a way is sent, and the incident closes.",
			resolve + " sends what it holds by today's routes, also what may have been delivered by an upstream that is gone.",
		}
	case relay.IncidentBackup:
		return []string{
			"Make the folder of the block backup writable, and room on its disk. Where the copy is not sound: relaykeep spool verify.",
			"It is tried again by itself, and closes when a backup is made. relaykeep spool backup FILE makes one now.",
		}
	case relay.IncidentWarning:
		return []string{
			"Mend what the answer names: the account, the reputation of an address, or an app that sends the same again and again.",
			"Then: " + resolve + ". It opens again when the answer comes again.",
		}
	}
	return nil
}
