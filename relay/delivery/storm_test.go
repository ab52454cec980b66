package delivery

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relaykeep/relay"
)

// strict is an upstream with limits on an envelope, which it tells at RCPT or
// later.
type strict struct {
	most      int
	oneDomain bool
	atRcpt    bool
}

// answer gives the verdicts on a transaction.
func (s strict) answer(to []relay.Recipient) []relay.Verdict {
	verdicts := make([]relay.Verdict, len(to))
	fits := len(to) <= s.most
	for i, r := range to {
		mixed := s.oneDomain && relay.Domain(r.Address) != relay.Domain(to[0].Address)
		switch {
		case s.atRcpt && mixed:
			verdicts[i] = with(tooManyAtRcpt, func(v *relay.Verdict) { v.Split = relay.SplitDomain })
		case s.atRcpt && accepted(verdicts[:i]) >= s.most:
			verdicts[i] = tooManyAtRcpt
		default:
			verdicts[i] = ok
		}
		fits = fits && !mixed
	}
	if !s.atRcpt && !fits {
		late := tooManyAtData
		if s.oneDomain {
			late = oneDomainOnly
		}
		for i := range verdicts {
			verdicts[i] = late
		}
	}
	return verdicts
}

// claim takes a transaction of this shape off the queue, as a store does.
func (s shape) claim(queue []relay.Recipient, most int) (to, rest []relay.Recipient) {
	if s.Most > 0 {
		most = min(most, s.Most)
	}
	for _, r := range queue {
		if len(to) < most && (len(to) == 0 || !s.OneDomain || relay.Domain(r.Address) == relay.Domain(to[0].Address)) {
			to = append(to, r)
		} else {
			rest = append(rest, r)
		}
	}
	return to, rest
}

// Whatever an upstream wants of an envelope, each recipient is taken once, and
// finding out takes no more transactions than halving does.
func TestNoStormOfSplits(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		up := strict{
			most:      rapid.IntRange(1, 100).Draw(t, "most"),
			oneDomain: rapid.Bool().Draw(t, "one domain"),
			atRcpt:    rapid.Bool().Draw(t, "at RCPT"),
		}
		domains := rapid.IntRange(1, 5).Draw(t, "domains")
		var queue []relay.Recipient
		for i := range rapid.IntRange(1, 200).Draw(t, "recipients") {
			queue = append(queue, relay.Recipient{Address: fmt.Sprintf("r%d@d%d.example", i, i%domains)})
		}
		most := rapid.IntRange(1, 200).Draw(t, "max_recipients")
		taken, refusals := make(map[string]int), 0
		var s shape
		for len(queue) > 0 {
			var to []relay.Recipient
			to, queue = s.claim(queue, most)
			verdicts := up.answer(to)
			found, smaller := split(verdicts, to)
			if smaller {
				refusals++
				s = s.narrow(found, now)
			}
			for i, v := range verdicts {
				switch {
				case v.Class == relay.ClassDelivered:
					taken[to[i].Address]++
				case smaller:
					queue = append(queue, to[i])
				default:
					t.Fatalf("%s is left to the schedule: %+v", to[i].Address, v)
				}
			}
			if refusals > 9 { // 200 halved is 1 after eight, and one for the domains
				t.Fatalf("%d transactions were refused: %+v", refusals, s)
			}
		}
		for address, n := range taken {
			if n != 1 {
				t.Fatalf("%s was taken %d times", address, n)
			}
		}
	})
}
