package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"relaykeep/relay/admin"
)

// upstreamTable is what upstream list prints for people.
func upstreamTable(all []admin.Upstream, width int, colours palette, now time.Time) string {
	g := grid{heads: []string{"UPSTREAM", "STATE", "SENDING", "RATE", "QUOTA", "BREAKER", "WHY"}, width: width}
	for _, u := range all {
		quota := "-"
		if u.QuotaRemaining != nil {
			quota = strconv.FormatInt(*u.QuotaRemaining, 10) + " left"
		}
		g.rows = append(g.rows, []string{
			printable(u.Name), colours.paint(upstreamColour(u.State), upstreamState(u, now)), fmt.Sprintf("%d/%d", u.InFlight, u.Connections),
			cmp.Or(printable(u.Rate), "-"), quota, u.Breaker, upstreamWhy(u),
		})
	}
	return g.String()
}

// upstreamState tells whether an upstream is asked, and when again if not.
func upstreamState(u admin.Upstream, now time.Time) string {
	switch s := string(u.State); {
	case u.State == admin.UpstreamPaused:
		return "paused by " + oneLine(u.PausedBy)
	case u.State == admin.UpstreamQuota && u.Until.After(now):
		return "used up until " + clock(u.Until.Time, now)
	case u.State == admin.UpstreamQuota:
		return "used up"
	case u.State == admin.UpstreamDisabled && u.Until.After(now):
		return "disabled, probed at " + clock(u.Until.Time, now)
	case u.State != admin.UpstreamUp && u.Until.After(now):
		return s + " until " + clock(u.Until.Time, now)
	default:
		return s
	}
}

// upstreamWhy tells why an upstream is not up.
func upstreamWhy(u admin.Upstream) string {
	why := oneLine(u.Reason)
	if u.Incident > 0 {
		why = fmt.Sprintf("incident %d: ", u.Incident) + cmp.Or(why, "see relaykeep incident show")
	}
	return why
}

// clock tells a time of today, or with its day.
func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

func pausedWords(c admin.Change, _ time.Time) string {
	name := c.Upstream.Name
	if !c.Changed {
		return name + " was paused already, by " + c.Upstream.PausedBy
	}
	return name + " is paused: its mail goes to the other upstreams of its routes, or waits, until relaykeep upstream resume " + name
}

func resumedWords(c admin.Change, now time.Time) string {
	name := c.Upstream.Name
	standing := "it is " + upstreamState(c.Upstream, now)
	if why := upstreamWhy(c.Upstream); why != "" {
		standing += ", " + why
	}
	if !c.Changed {
		return name + " was not paused: " + standing
	}
	return name + " is resumed: " + standing
}
