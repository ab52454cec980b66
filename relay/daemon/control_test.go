package daemon

import (
	"reflect"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/delivery"
)

func TestUpstreamOf(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	later, past := now.Add(time.Minute), now.Add(-time.Minute)
	login := relay.Verdict{Class: relay.ClassRejected, Stage: relay.StageAuth, Code: 535, Enhanced: "5.7.8", Text: "no such user", Rule: "login-refused"}
	last := admin.FromVerdict(login)
	none, some := int64(0), int64(120)
	for name, tt := range map[string]struct {
		lane delivery.LaneStatus
		want admin.Upstream
	}{
		"up": {
			delivery.LaneStatus{Name: "ses", InFlight: 2, Settling: 1, Connections: 10, Rate: 14, RateLimited: true, QuotaRemaining: 120, Limited: true, PausedUntil: past},
			admin.Upstream{Name: "ses", State: admin.UpstreamUp, Breaker: "closed", InFlight: 2, Connections: 10, Rate: "14/s", QuotaRemaining: &some},
		},
		"after a fault": {
			delivery.LaneStatus{Cause: login},
			admin.Upstream{State: admin.UpstreamUp, Breaker: "closed", Last: &last},
		},
		"disabled": {
			delivery.LaneStatus{Reason: delivery.LaneDisabled, Disabled: true, Breaker: delivery.BreakerOpen, OpenUntil: later, Cause: login, Incident: 3},
			admin.Upstream{State: admin.UpstreamDisabled, Breaker: "open", Until: admin.Time{Time: later}, Reason: "535 5.7.8 no such user", Incident: 3, Last: &last},
		},
		"probed": {
			delivery.LaneStatus{Reason: delivery.LaneDown, Breaker: delivery.BreakerHalfOpen, Cause: relay.Verdict{Text: "refused"}, PausedUntil: past},
			admin.Upstream{State: admin.UpstreamDown, Breaker: "half-open", Reason: "refused", Last: &admin.Verdict{Text: "refused"}},
		},
		"used up": {
			delivery.LaneStatus{Reason: delivery.LaneQuota, Spent: true, Limited: true, QuotaUntil: later, PausedUntil: past, Incident: 4},
			admin.Upstream{State: admin.UpstreamQuota, Breaker: "closed", Until: admin.Time{Time: later}, Reason: "its quota is used up", Incident: 4, QuotaRemaining: &none},
		},
		"slow": {
			delivery.LaneStatus{Reason: delivery.LaneSlow, Slow: true, PausedUntil: later, Rate: 0.25, RateLimited: true},
			admin.Upstream{State: admin.UpstreamSlow, Breaker: "closed", Until: admin.Time{Time: later}, Reason: "it wants to be asked less", Rate: "15/m"},
		},
		"paused and disabled": {
			delivery.LaneStatus{Reason: delivery.LanePaused, PausedBy: "root", Disabled: true, Breaker: delivery.BreakerOpen, OpenUntil: later, Cause: login},
			admin.Upstream{State: admin.UpstreamPaused, PausedBy: "root", Breaker: "open", Reason: "535 5.7.8 no such user", Last: &last},
		},
	} {
		if got := upstreamOf(&tt.lane, now); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, tt.want)
		}
	}
}

func TestRateOf(t *testing.T) {
	for want, rate := range map[string]float64{
		"14/s": 14, "1/s": 1, "2.5/s": 2.5, "30/m": 0.5, "1/m": 1. / 60, "34.7/m": 50000. / 86400, "0.1/h": 0.1 / 3600,
	} {
		if got := rateOf(rate); got != want {
			t.Errorf("%v a second: got %s, want %s", rate, got, want)
		}
	}
}
