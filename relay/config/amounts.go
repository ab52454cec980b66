package config

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"relaykeep/relay/quota"
)

// readAmounts reads how much mail an upstream is given.
func readAmounts(s *section, u *Upstream, usual presets) {
	u.Rate = read(s, "rate", usual.rate, optional(limitOf))
	u.Quota = slices.DeleteFunc(readList(s, "quota", nil, optional(limitOf)), func(l quota.Limit) bool { return l.N == 0 })
	reset := read(s, "quota_reset", nil, optional(resetTime))
	u.QuotaByMessage = s.choice("count", "recipients", "recipients", "messages") == "messages"
	u.RateByMessage = u.QuotaByMessage
	if !s.has("count") && !s.has("rate") {
		u.RateByMessage = usual.countMessages // what is known of the rate says what it counts
	}
	if s.faulty {
		return
	}
	if reset != nil {
		resetQuotas(s, u.Quota, reset)
	}
	warnAmounts(s, u)
}

// resetQuotas gives the quotas of a day their reset. Those of other times roll
// on: what is counted by the hour does not wait for midnight.
func resetQuotas(s *section, quotas []quota.Limit, reset *quota.Reset) {
	some := s.entry("quota").state == pending
	for i := range quotas {
		if quotas[i].Per == day {
			quotas[i].Reset, some = reset, true
		}
	}
	if !some {
		s.fault("quota_reset", `has an effect on a quota of a day only; write one like quota = "50000/24h", or take it out`)
	}
}

// warnAmounts tells of a limit that another one keeps from ever being reached.
func warnAmounts(s *section, u *Upstream) {
	if u.QuotaByMessage && u.Rate.N == 0 && len(u.Quota) == 0 {
		s.warn("count", "has no effect without rate or quota")
	}
	for i, q := range u.Quota {
		switch {
		case u.Rate.N == 0 || u.RateByMessage != u.QuotaByMessage:
		case s.has("rate") && tighter(q, u.Rate):
			s.warn("rate", "%s is never reached: the quota %s is tighter", spell(u.Rate), spell(q))
		case neverReached(q, u.Rate):
			s.d.add(true, s.elementAt("quota", i), "quota: %s is never reached at a rate of %s", spell(q), spell(u.Rate))
		}
		for j, other := range u.Quota {
			if same := tighter(q, other); i != j && tighter(other, q) && (j < i || !same) {
				s.d.add(true, s.elementAt("quota", i), "quota: %s is never reached: %s is tighter", spell(q), spell(other))
				break
			}
		}
	}
}

// spell writes a limit as it is in the file.
func spell(l quota.Limit) string {
	per := l.Per.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if rest, ok := strings.CutSuffix(per, zero); ok {
			per = rest + zero[:1]
		}
	}
	return fmt.Sprintf("%d/%s", l.N, per)
}

// tighter reports whether a lets no more through than b in a time that is at
// least as long.
func tighter(a, b quota.Limit) bool { return a.Per >= b.Per && a.N <= b.N }

// neverReached reports whether a rate lets less than the quota through in the
// quota's time, rounded up to whole times of the rate.
func neverReached(q, rate quota.Limit) bool {
	times := (q.Per + rate.Per - 1) / rate.Per
	most := new(big.Int).Mul(big.NewInt(int64(times)), big.NewInt(int64(rate.N)))
	return most.Cmp(big.NewInt(int64(q.N))) < 0
}

// limitOf reads a rate: a number, a slash, and a unit or a duration.
func limitOf(s string) (quota.Limit, error) {
	r, err := parseRate(s)
	return quota.Limit{N: r.N, Per: r.Per}, err
}

// resetTime takes a time of day and a time zone.
func resetTime(s string) (*quota.Reset, error) {
	r, err := quota.ParseReset(s)
	if err != nil {
		return nil, err
	}
	return &r, nil
}
