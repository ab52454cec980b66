package config

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// readAmounts reads how much mail an upstream is given.
func readAmounts(s *section, u *Upstream, usual presets) {
	u.Rate = read(s, "rate", usual.rate, optional(limitOf))
	u.Quota = slices.DeleteFunc(readList(s, "quota", nil, optional(limitOf)), func(l Limit) bool { return l.N == 0 })
	reset := read(s, "quota_reset", nil, optional(resetTime))
	unit := "recipients"
	if usual.countMessages && !s.has("rate") && !s.has("quota") {
		unit = "messages" // as the only limit does
	}
	u.CountMessages = s.choice("count", unit, "recipients", "messages") == "messages"
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
func resetQuotas(s *section, quotas []Limit, reset *Reset) {
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
	if u.CountMessages && u.Rate.N == 0 && len(u.Quota) == 0 {
		s.warn("count", "has no effect without rate or quota")
	}
	for i, q := range u.Quota {
		switch {
		case u.Rate.N == 0:
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
func spell(l Limit) string {
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
func tighter(a, b Limit) bool { return a.Per >= b.Per && a.N <= b.N }

// neverReached reports whether a rate lets less than the quota through in the
// quota's time, rounded up to whole times of the rate.
func neverReached(q, rate Limit) bool {
	times := (q.Per + rate.Per - 1) / rate.Per
	most := new(big.Int).Mul(big.NewInt(int64(times)), big.NewInt(int64(rate.N)))
	return most.Cmp(big.NewInt(int64(q.N))) < 0
}

// limitOf reads a rate: a number, a slash, and a unit or a duration.
func limitOf(s string) (Limit, error) {
	r, err := parseRate(s)
	return Limit{N: r.N, Per: r.Per}, err
}

var errReset = errors.New(`is not a time of day with a time zone; write one like "00:00 Asia/Shanghai"`)

// resetTime takes a time of day and a time zone.
func resetTime(s string) (*Reset, error) {
	r, err := parseReset(s)
	if err != nil {
		return nil, errReset
	}
	return &r, nil
}

// Limit is how many may be sent in a time.
type Limit struct {
	N     int
	Per   time.Duration
	Reset *Reset // nil: a rolling time; else counted from the last reset
}

// Reset is a time of day at which a provider begins to count anew.
type Reset struct {
	Hour, Minute int
	Location     *time.Location
}

func parseReset(s string) (r Reset, err error) {
	const form = "15:04 "
	if len(s) <= len(form) {
		return r, errReset
	}
	t, err := time.Parse(form, s[:len(form)])
	if err != nil {
		return r, errReset
	}
	r.Hour, r.Minute = t.Hour(), t.Minute()
	r.Location, err = time.LoadLocation(s[len(form):])
	return r, err
}
