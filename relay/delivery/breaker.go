package delivery

import (
	"slices"
	"time"

	"relaykeep/relay"
)

// BreakerState is whether an upstream is asked.
type BreakerState uint8

// The states of a breaker.
const (
	BreakerClosed   BreakerState = iota // asked
	BreakerOpen                         // left alone until its cool-down is over
	BreakerHalfOpen                     // asked once, to see
)

// String names the state for people.
func (s BreakerState) String() string {
	switch s {
	case BreakerOpen:
		return "open"
	case BreakerHalfOpen:
		return "half-open"
	}
	return "closed"
}

// What a Breaker with zero fields means.
const (
	defaultFailures    = 5
	defaultCooldown    = 30 * time.Second
	defaultMaxCooldown = 15 * time.Minute
)

// maxQuotaWait bounds how long an upstream is left alone because it says that
// its quota is used up: when that begins anew is often known to it alone, and
// one message an hour that asks for it costs nothing.
const maxQuotaWait = time.Hour

// MaxFailures is the largest Breaker.Failures: how many messages a breaker remembers.
const MaxFailures = 64

// breaker decides whether an upstream is asked. It is a state machine without
// a clock, a lock or a goroutine of its own.
type breaker struct {
	limits Breaker
	state  BreakerState

	// gen counts how often the breaker opened. What began under an earlier
	// one says nothing about the upstream of now.
	gen uint64

	// row holds the distinct messages that failed since the last success,
	// newest last: one message that always fails must not open the breaker,
	// nor keep it open. What failed before MAIL is about no message: each time
	// counts, as "".
	row []relay.ID

	cooldown time.Duration // of the present or last opening
	until    time.Time     // while open
	cause    relay.Verdict // of the last change of state
	failed   relay.Stage   // while not closed: the stage that a probe must reach
	disabled bool          // while not closed: opened by ActionDisable
	probing  bool          // while half-open: the one attempt is under way
}

func newBreaker(limits Breaker) breaker {
	if limits.Failures < 1 {
		limits.Failures = defaultFailures
	}
	if limits.Cooldown <= 0 {
		limits.Cooldown = defaultCooldown
	}
	if limits.MaxCooldown <= 0 {
		limits.MaxCooldown = defaultMaxCooldown
	}
	limits.MaxCooldown = max(limits.MaxCooldown, limits.Cooldown)
	return breaker{limits: limits}
}

// tick lets a breaker whose cool-down is over become half-open.
func (b *breaker) tick(now time.Time) {
	if b.state == BreakerOpen && !now.Before(b.until) {
		b.state, b.probing = BreakerHalfOpen, false
	}
}

// needsMail reports whether only a real message can tell that the upstream
// works again: a login reaches no further than StageAuth.
func (b *breaker) needsMail() bool { return b.failed >= relay.StageMail }

// record takes the finding of an attempt at message id ("" for a probe without
// mail) that began when the breaker had opened gen times. It reports whether
// the state changed.
func (b *breaker) record(now time.Time, gen uint64, id relay.ID, f finding) bool {
	if gen != b.gen {
		return false
	}
	switch b.state {
	case BreakerClosed:
		return b.recordClosed(now, id, f)
	case BreakerHalfOpen:
		return b.recordProbe(now, id, f)
	}
	return false
}

func (b *breaker) recordClosed(now time.Time, id relay.ID, f finding) bool {
	switch f.kind {
	case upstreamWorks:
		b.row = b.row[:0]
	case upstreamFails:
		if f.verdict.Stage < relay.StageMail {
			id = ""
		}
		b.remember(id)
		if opensAtOnce(f.verdict) || len(b.row) >= min(b.limits.Failures, MaxFailures) {
			b.open(now, b.limits.Cooldown, f.verdict)
			return true
		}
	}
	return false
}

func (b *breaker) recordProbe(now time.Time, id relay.ID, f finding) bool {
	b.probing = false
	switch {
	case f.kind == upstreamWorks && f.reached >= b.failed:
		b.close(f.verdict)
	case f.kind == upstreamFails:
		cooldown := b.cooldown
		// One message that always fails must not keep it closed for longer, but
		// an answer that names the account is about no message.
		if id == "" || b.remember(id) || opensAtOnce(f.verdict) {
			cooldown = min(2*cooldown, b.limits.MaxCooldown)
		}
		b.open(now, cooldown, f.verdict)
	}
	// Otherwise the probe did not get as far as what had failed, and the next
	// message has to.
	return true
}

func (b *breaker) open(now time.Time, cooldown time.Duration, v relay.Verdict) {
	b.state, b.cause, b.failed = BreakerOpen, v, v.Stage
	b.disabled = b.disabled || v.Action == relay.ActionDisable || v.Then == relay.ActionDisable
	b.gen++
	b.cooldown = cooldown
	wait := v.RetryAfter
	if isQuota(v) {
		wait = min(wait, maxQuotaWait)
	}
	b.until = now.Add(max(cooldown, wait))
}

// restore opens the breaker as an earlier process had left it.
func (b *breaker) restore(now time.Time, cause relay.Verdict, before kept) {
	b.open(now, b.limits.Cooldown, cause)
	b.disabled = b.disabled || !isQuota(cause)
	if before.Cooldown > 0 {
		b.cooldown = min(max(before.Cooldown, b.limits.Cooldown), b.limits.MaxCooldown)
		// A clock that was wrong must not keep it closed for longer than
		// what it had to wait from now on.
		if before.Until.Before(b.until) || before.Until.Before(now.Add(b.cooldown)) {
			b.until = before.Until
		}
	}
}

// takeBack closes a breaker, open or half-open, because somebody had the
// upstream probed since it opened gen times, and it works; it reports whether.
func (b *breaker) takeBack(gen uint64, f finding) bool {
	if b.state == BreakerClosed || gen != b.gen || f.kind != upstreamWorks || f.reached < b.failed {
		return false
	}
	b.close(f.verdict)
	return true
}

func (b *breaker) close(v relay.Verdict) {
	b.state, b.cause, b.probing = BreakerClosed, v, false
	b.row, b.disabled = b.row[:0], false
}

// tryNow ends the cool-down: people say that the cause is mended.
func (b *breaker) tryNow() {
	b.disabled = false
	if b.state == BreakerOpen {
		b.until = time.Time{}
	}
}

// remember puts id into the row and reports whether it was not there; "" never
// is.
func (b *breaker) remember(id relay.ID) bool {
	if id != "" && slices.Contains(b.row, id) {
		return false
	}
	if len(b.row) == MaxFailures {
		b.row = slices.Delete(b.row, 0, 1)
	}
	b.row = append(b.row, id)
	return true
}

// opensAtOnce reports whether one such answer is enough: the account is
// disabled, or its quota used up.
func opensAtOnce(v relay.Verdict) bool {
	return v.Action == relay.ActionDisable || isQuota(v)
}

// finding is what an attempt tells about the upstream, as a whole.
type finding struct {
	kind    findingKind
	reached relay.Stage   // the furthest
	verdict relay.Verdict // the one that decided
}

type findingKind uint8

const (
	nothingFound findingKind = iota // broken off, or only asked to slow down
	upstreamWorks
	upstreamFails
)

// judge makes a finding of the verdicts of one attempt.
func judge(verdicts []relay.Verdict) finding {
	var f finding
	for i := range verdicts {
		v := &verdicts[i]
		kind, reached := nothingFound, v.Stage
		switch {
		case v.Class == relay.ClassDelivered:
			kind, reached = upstreamWorks, relay.StageBody
		case v.Local, v.Free && v.Rule == interruptedRule:
			continue
		case (v.Scope == relay.ScopeUpstream || v.Action == relay.ActionDisable) && isFailure(*v):
			kind = upstreamFails
		case v.Scope != relay.ScopeUpstream && v.Stage >= relay.StageMail && v.Code != 0:
			kind = upstreamWorks
		}
		f.reached = max(f.reached, reached)
		if f.weight() < weigh(kind, *v) {
			f.kind, f.verdict = kind, *v
		}
	}
	return f
}

// isFailure tells an upstream that fails from one that only wants to be asked
// less.
func isFailure(v relay.Verdict) bool {
	return v.Action != relay.ActionSlow || v.Then == relay.ActionFailover
}

func (f finding) weight() int { return weigh(f.kind, f.verdict) }

// weigh ranks verdicts that contradict each other: what was delivered shows
// that the upstream works, unless it says that this was the last.
func weigh(kind findingKind, v relay.Verdict) int {
	switch {
	case kind == upstreamFails && opensAtOnce(v):
		return 4
	case kind == upstreamWorks && v.Class == relay.ClassDelivered:
		return 3
	case kind == upstreamFails:
		return 2
	case kind == upstreamWorks:
		return 1
	}
	return 0
}
