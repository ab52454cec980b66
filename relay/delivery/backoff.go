package delivery

import (
	"slices"
	"time"

	"relaykeep/relay"
)

const (
	// minDelay is the shortest backoff, whatever a policy says: a failure
	// must not be repeated in a tight loop.
	minDelay = time.Second

	// slowDelay is the least delay after an answer that wants us to slow
	// down and names no time; maxPause bounds that of a lane.
	slowDelay = 5 * time.Second
	maxPause  = time.Minute

	// maxFreeDelay bounds the delay that grows with a message's age.
	maxFreeDelay = 10 * time.Minute
)

// backoff is the delay before r, whose Attempts are counted already, is tried
// again; more is false when its policy grants no further attempt.
func (sc scene) backoff(r relay.Recipient, v relay.Verdict) (d time.Duration, more bool) {
	d, more = sc.route.Retry.Delay(max(r.Attempts, 1), sc.random)
	if costsNothing(v) {
		// Free attempts leave the count, and so the policy's delay, where
		// it was. Through an outage of days a message that is alone, and so
		// opens no breaker, should not ask every minute.
		more = true
		d = max(d, min(sc.now.Sub(sc.received)/10, maxFreeDelay))
	}
	return max(d, minDelay), more
}

// pauseFor says how long a lane leaves its upstream alone after these
// verdicts: 0 unless one of them asks for it.
func pauseFor(verdicts []relay.Verdict) time.Duration {
	var pause time.Duration
	for i := range verdicts {
		if v := &verdicts[i]; v.Action == relay.ActionSlow && v.Class != relay.ClassDelivered {
			pause = max(pause, min(max(v.RetryAfter, slowDelay), maxPause))
		}
	}
	return pause
}

// goesElsewhere reports whether the mail of a lane that these verdicts pause is for
// others meanwhile: the upstream is busy as a whole, not asked too fast.
func goesElsewhere(verdicts []relay.Verdict) bool {
	return slices.ContainsFunc(verdicts, func(v relay.Verdict) bool {
		return v.Action == relay.ActionSlow && v.Then == relay.ActionFailover
	})
}
