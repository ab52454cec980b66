package daemon

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/delivery"
)

// control puts the lanes of a scheduler into an operator's hands.
type control struct{ *delivery.Scheduler }

var _ admin.Control = control{}

// Upstreams is of admin.Control.
func (c control) Upstreams() []admin.Upstream {
	lanes, now := c.Lanes(), time.Now()
	all := make([]admin.Upstream, len(lanes))
	for i := range lanes {
		all[i] = upstreamOf(&lanes[i], now)
	}
	return all
}

// Resolve is of admin.Control.
func (c control) Resolve(ctx context.Context, number int64, by string) (relay.Incident, int, error) {
	return c.ResolveIncident(ctx, number, by)
}

// upstreamOf tells of a lane in the terms of the admin API.
func upstreamOf(l *delivery.LaneStatus, now time.Time) admin.Upstream {
	u := admin.Upstream{
		Name: l.Name, State: stateOf(l.Reason), PausedBy: l.PausedBy, Incident: l.Incident,
		Breaker: l.Breaker.String(), InFlight: l.InFlight, Connections: l.Connections,
	}
	if l.RateLimited {
		u.Rate = rateOf(l.Rate)
	}
	if l.Limited {
		left := int64(l.QuotaRemaining)
		u.QuotaRemaining = &left
	}
	if l.Cause != (relay.Verdict{}) {
		v := admin.FromVerdict(l.Cause)
		u.Last = &v
	}
	until := latest(l.OpenUntil, l.QuotaUntil, l.PausedUntil)
	if u.State != admin.UpstreamUp && u.State != admin.UpstreamPaused && until.After(now) {
		u.Until = admin.Time{Time: until}
	}
	u.Reason = reasonOf(l)
	return u
}

func stateOf(r delivery.LaneReason) admin.UpstreamState {
	switch r {
	case delivery.LanePaused:
		return admin.UpstreamPaused
	case delivery.LaneDisabled:
		return admin.UpstreamDisabled
	case delivery.LaneQuota:
		return admin.UpstreamQuota
	case delivery.LaneDown:
		return admin.UpstreamDown
	case delivery.LaneSlow:
		return admin.UpstreamSlow
	}
	return admin.UpstreamUp
}

// reasonOf says in words why a lane is not up, beside who has paused it.
func reasonOf(l *delivery.LaneStatus) string {
	switch {
	case l.Breaker != delivery.BreakerClosed:
		return answerOf(&l.Cause)
	case l.Spent:
		return "its quota is used up"
	case l.Slow:
		return "it wants to be asked less"
	}
	return ""
}

// answerOf tells an answer as it came.
func answerOf(v *relay.Verdict) string {
	var parts []string
	if v.Code > 0 {
		parts = append(parts, strconv.Itoa(v.Code))
	}
	for _, s := range []string{v.Enhanced, v.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

// rateOf writes a rate in the unit in which it is 1 at least, by the hour at
// the most: "14/s", "2.5/m".
func rateOf(perSecond float64) string {
	unit := "s"
	for _, next := range []string{"m", "h"} {
		if perSecond >= 1 {
			break
		}
		perSecond, unit = perSecond*60, next
	}
	return fmt.Sprintf("%v/%s", math.Round(perSecond*10)/10, unit)
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
