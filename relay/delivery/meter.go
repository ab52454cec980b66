package delivery

import (
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Meter bounds what an upstream is given; quota.Counter is one. It counts what
// the lane says that it sends. The lane calls it under a lock of its own.
type Meter interface {
	// Fits is how many of n may be taken now.
	Fits(now time.Time, n int) int
	// Take counts n, or nothing; wait is how long until there is room then.
	Take(now time.Time, n int) (wait time.Duration, ok bool)
	// Wait is what Take would say, and counts nothing.
	Wait(now time.Time, n int) time.Duration
	// Return gives back n that were taken at a time and not sent.
	Return(taken time.Time, n int)
	// Remaining is how many may be taken now; limited is false without limit.
	Remaining(now time.Time) (n int, limited bool)
	// State and Restore keep the count over a restart.
	State() []byte
	Restore(now time.Time, state []byte) error
}

// A used up quota closes a lane for at least minSpent, and for twice as long
// each time that it is used up again soon after, up to maxSpent: where it comes
// back drop by drop the lane, and the incident that tells of it, do not open
// and close for each. Of less than quietSpent no incident tells: a quota of a
// minute is a rate.
const (
	minSpent   = time.Minute
	maxSpent   = 15 * time.Minute
	quietSpent = 5 * time.Minute
)

// room is how much of a claim the rate and the quota allow now: how many messages,
// to how many recipients each, and if none when to ask again. A used up quota is
// noted in l.spent, which closes the lane; the rate only makes it wait. The caller
// holds l.mu.
func (l *lane) room(now time.Time) (messages, recipients int, again time.Time) {
	most := l.MaxConnections * l.MaxRecipients
	messages, recipients = most, most
	bound := func(n int, byMessage bool) {
		if messages = min(messages, n); !byMessage {
			recipients = min(recipients, n)
		}
	}
	if l.Quota != nil {
		if l.spent && now.Before(l.spentUntil) {
			return 0, 0, l.spentUntil
		}
		n := l.Quota.Fits(now, most)
		if l.quotaMost = max(l.quotaMost, n); l.spent && 2*n >= l.quotaMost {
			l.spentFor = 0 // it has come back as a whole
		}
		if l.spent = n == 0; l.spent {
			if now.Sub(l.spentUntil) > maxSpent {
				l.spentFor = 0
			}
			l.spentFor = min(max(2*l.spentFor, minSpent), maxSpent)
			wait := max(l.Quota.Wait(now, 1), l.spentFor)
			l.spentUntil, l.spentLong = now.Add(wait), wait > quietSpent
			return 0, 0, l.spentUntil
		}
		bound(n, l.QuotaByMessage)
	}
	n := l.Pace.Fits(now, most)
	if n == 0 {
		return 0, 0, now.Add(l.Pace.Delay(now, 1))
	}
	bound(n, l.PaceByMessage)
	return messages, recipients, time.Time{}
}

// weighed is what a delivery to so many recipients counts.
func weighed(recipients int, byMessage bool) int {
	if byMessage {
		return min(recipients, 1)
	}
	return recipients
}

// take counts the deliveries by rate and quota, as many of them from the first
// on as there is room for, and returns how many.
func (l *lane) take(now time.Time, due []spool.Delivery) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range due {
		if !l.takeOne(now, len(due[i].Recipients)) {
			return i
		}
	}
	return len(due)
}

func (l *lane) takeOne(now time.Time, recipients int) bool {
	counted := weighed(recipients, l.QuotaByMessage)
	if l.Quota != nil {
		if _, ok := l.Quota.Take(now, counted); !ok {
			return false
		}
	}
	if l.Pace.Delay(now, weighed(recipients, l.PaceByMessage)) == 0 {
		return true
	}
	if l.Quota != nil {
		l.Quota.Return(now, counted)
	}
	return false
}

// giveBack returns to the quota what was counted at taken for an attempt and
// not sent. l may be nil.
func (l *lane) giveBack(taken time.Time, a *attempt) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Quota != nil {
		l.Quota.Return(taken, weighed(len(a.d.Recipients), l.QuotaByMessage)-weighed(a.sent(), l.QuotaByMessage))
	}
}

// sent counts the recipients that the upstream was told of: it may count those
// that it refuses, too, but for what comes again in a smaller transaction.
func (a *attempt) sent() int {
	if a.panicked != "" {
		return len(a.to)
	}
	n := 0
	for i := range a.verdicts {
		v := &a.verdicts[i]
		refused := v.Stage >= relay.StageMail && v.Split == relay.SplitNone && !v.Local
		if refused || v.Class == relay.ClassDelivered || v.Class == relay.ClassUnknown {
			n++
		}
	}
	return n
}

// isQuota reports whether an answer says that the quota is used up.
func isQuota(v relay.Verdict) bool {
	return v.Action == relay.ActionPark || v.Action == relay.ActionFailover && v.Then == relay.ActionPark
}
