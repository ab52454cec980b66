package delivery

import (
	"time"

	"relaykeep/relay"
)

// laneState is what is known of an upstream when a decision is made.
type laneState uint8

const (
	laneGone laneState = iota // not configured any more
	laneDown                  // its breaker is not closed
	laneUp
)

// scene is what a decision depends on beside the recipient and the verdict.
type scene struct {
	lane     string // the upstream that was asked
	sender   string // of the message
	route    Route  // the recipient's, as it is today
	received time.Time
	now      time.Time
	random   float64 // in [0, 1)
	state    func(upstream string) laneState

	// suspect: the recipient closes the lane for the second time, and others
	// have passed in between, so that the message may be to blame.
	suspect bool

	// blamed: the message has had the lane closed, or its sender refused, and
	// others have passed since: see suspects.
	blamed bool
}

// outcome is a decision: the recipient's new value and what to tell.
type outcome struct {
	to       relay.Recipient
	kind     relay.EventKind // "" for nothing to tell
	inDoubt  bool            // an in_doubt event goes before that of kind
	idle     bool            // nobody was asked: there is no attempt to tell of
	late     bool            // the sender is to be told of the delay
	detail   string
	incident *relay.Incident // the trouble that shows in it; it holds the recipient if that is held
	opened   int64           // the number of that incident, if this has opened it
}

// interruptedRule is the rule of the verdicts of an attempt that we broke off
// before the final dot: see upstream.Transport.
const interruptedRule = "interrupted"

// decide says what follows for r, which was in an attempt at sc.lane, from the
// verdict on it. It is a pure function.
func decide(r relay.Recipient, v relay.Verdict, sc scene) outcome {
	r.Upstream, r.Last, r.LastAt = sc.lane, v, sc.now
	if !costsNothing(v) {
		r.Attempts++
	}
	switch v.Class {
	case relay.ClassDelivered:
		r.RemoteID = v.RemoteID
		return finish(r, relay.Delivered, relay.EventDelivered, "", sc)
	case relay.ClassUnknown:
		return sc.doubt(r, v)
	}
	switch {
	case v.Split != relay.SplitNone:
		return sc.split(r, v)
	case v.Rule == interruptedRule && v.Free:
		return sc.queue(r, r.Eligible, 0, relay.EventDeferred)
	case v.Action == relay.ActionBounce:
		return finish(r, relay.Bounced, relay.EventBounced, "", sc)
	case refusesForGood(v), v.Action == relay.ActionDisable && sc.blamed:
		return sc.refused(r, v)
	case v.Action == relay.ActionSlow:
		return sc.slow(r, v)
	case v.Action == relay.ActionFailover, v.Action == relay.ActionPark, v.Action == relay.ActionDisable:
		return sc.failover(r, v)
	}
	return sc.retry(r, v)
}

// costsNothing reports whether the attempt is not counted: the upstream, its
// quota or the account is to blame, or we are, or it was passed over.
func costsNothing(v relay.Verdict) bool {
	switch v.Class {
	case relay.ClassDelivered, relay.ClassUnknown:
		return false
	}
	switch v.Action {
	case relay.ActionSlow, relay.ActionPark, relay.ActionDisable:
		return true
	case relay.ActionFailover:
		return v.Free || v.Local || v.Then == relay.ActionPark
	}
	return v.Free
}

// refusesForGood reports whether this upstream will not take the message by
// waiting: another may, and where there is none it is bounced or held.
func refusesForGood(v relay.Verdict) bool {
	if v.Action == relay.ActionFailover {
		return v.Then == relay.ActionBounce || v.Then == relay.ActionHold
	}
	return v.Action == relay.ActionHold
}

// doubt decides on an unknown outcome.
func (sc scene) doubt(r relay.Recipient, v relay.Verdict) outcome {
	r.InDoubt++
	o := sc.resend(r, v)
	o.inDoubt = o.kind != relay.EventInDoubt
	return o
}

func (sc scene) resend(r relay.Recipient, v relay.Verdict) outcome {
	if r.InDoubt > 1 {
		o := sc.hold(r, "its outcome at "+sc.lane+" is unknown, as it was once before: it may have been delivered")
		o.incident = doubtIncident(sc.lane, "a second unknown outcome for "+r.Address+": "+o.detail, v)
		return o
	}
	_, more := sc.backoff(r, v)
	switch {
	case sc.route.InDoubt == InDoubtHold:
		return sc.hold(r, "its outcome at "+sc.lane+" is unknown: it may have been delivered")
	case !more:
		o := sc.hold(r, "its outcome at "+sc.lane+" is unknown, and it has no attempt left")
		o.incident = doubtIncident(sc.lane, o.detail, v)
		return o
	case sc.route.InDoubt == InDoubtFailover:
		return sc.failover(r, v)
	case sc.state(sc.lane) == laneGone:
		o := sc.hold(r, "its outcome at "+sc.lane+" is unknown, and that upstream is gone")
		o.incident = wayIncident(sc.lane, o.detail)
		return o
	}
	first, _ := sc.route.Retry.Delay(1, sc.random)
	r.Failures = 0
	return sc.queue(r, []string{sc.lane}, max(first, minDelay, v.RetryAfter), relay.EventInDoubt)
}

// retry decides on a temporary failure: the recipient's own waits, all others
// count against FailoverAfter.
func (sc scene) retry(r relay.Recipient, v relay.Verdict) outcome {
	delay, more := sc.backoff(r, v)
	switch {
	case !more:
		return sc.exhausted(r)
	case v.Scope == relay.ScopeRecipient:
		return sc.queue(r, r.Eligible, max(delay, v.RetryAfter), relay.EventDeferred)
	}
	if r.Failures = failuresAt(r, sc.lane) + 1; r.Failures >= sc.route.FailoverAfter {
		return sc.failover(r, v)
	}
	return sc.queue(r, startingWith(sc.lane, r.Eligible), max(delay, v.RetryAfter), relay.EventDeferred)
}

// split sends r again at once; the lane sees to it that it goes in a smaller
// transaction.
func (sc scene) split(r relay.Recipient, v relay.Verdict) outcome {
	o := sc.queue(r, startingWith(sc.lane, r.Eligible), v.RetryAfter, relay.EventDeferred)
	if o.to.State == relay.Queued {
		o.detail = "split: sent again in smaller transactions"
	}
	return o
}

// slow decides on an upstream that wants to be asked less. The lane is paused
// besides: see pauseFor. One that is busy as a whole is no place to wait at while
// there is another: its lane is closed meanwhile.
func (sc scene) slow(r relay.Recipient, v relay.Verdict) outcome {
	r.Failures = failuresAt(r, sc.lane) + 1
	wait := v.RetryAfter
	if v.Then == relay.ActionFailover {
		_, another := sc.next(r.Eligible, r.Eligible)
		if r.Failures > sc.route.FailoverAfter || another && v.Stage < relay.StageMail {
			return sc.failover(r, v)
		}
		if another {
			wait = 0
		}
	}
	soon := slowDelay + time.Duration(sc.random*float64(slowDelay))
	return sc.queue(r, startingWith(sc.lane, r.Eligible), max(soon, wait), relay.EventDeferred)
}

// failover sends r on to the next upstream of this round at once, or ends the
// round.
func (sc scene) failover(r relay.Recipient, v relay.Verdict) outcome {
	delay, more := sc.backoff(r, v)
	if !more {
		return sc.exhausted(r)
	}
	r.Failures = 0
	if chain, ok := sc.next(r.Eligible, r.Eligible); ok {
		return sc.queue(r, chain, 0, relay.EventFailover)
	}
	all := sc.wholeRoute(r)
	// What an upstream asks for itself must not keep others waiting; its
	// breaker keeps us from asking it.
	if v.Scope != relay.ScopeUpstream || len(all) == 1 {
		wait := v.RetryAfter
		if isQuota(v) { // it must not wait for longer than the lane does
			wait = min(wait, maxQuotaWait)
		}
		delay = max(delay, wait)
	}
	if opensAtOnce(v) && !sc.suspect && !sc.anyUp(all) {
		// Nobody is asked until one of their breakers lets somebody be: it,
		// and not a delay, says when, and once it is mended nothing waits.
		delay = 0
	}
	return sc.queue(r, all, delay, relay.EventDeferred)
}

// refused decides on a refusal for good: others are asked first, and without
// another it stands.
func (sc scene) refused(r relay.Recipient, v relay.Verdict) outcome {
	left := without(sc.lane, sc.present(r.Eligible))
	if len(left) == 0 {
		if v.Action == relay.ActionFailover && v.Then == relay.ActionBounce {
			return finish(r, relay.Bounced, relay.EventBounced, "no other upstream is left to ask", sc)
		}
		o := sc.hold(r, sc.lane+" refuses it: "+reply(v))
		if o.incident = sc.refusedSender(v); o.incident == nil {
			o.incident = refusalIncident(sc.lane, v)
		}
		return o
	}
	delay, more := sc.backoff(r, v)
	if !more {
		return sc.exhausted(r)
	}
	o := sc.goOn(r, left, delay)
	o.incident = sc.refusedSender(v)
	return o
}

// refusedSender is the incident of a sender that this upstream refuses; nil
// where something else is to blame, or the message itself.
func (sc scene) refusedSender(v relay.Verdict) *relay.Incident {
	if sc.blamed || !refusesSender(v) {
		return nil
	}
	return senderIncident(sc.lane, sc.sender, v)
}

// goOn sends r to those that are left without sc.lane: at once where the round
// has not come to its end, else after delay.
func (sc scene) goOn(r relay.Recipient, left []string, delay time.Duration) outcome {
	r.Failures = 0
	if chain, ok := sc.next(r.Eligible, left); ok {
		return sc.queue(r, chain, 0, relay.EventFailover)
	}
	return sc.queue(r, left, delay, relay.EventDeferred)
}

// passOver decides on r whose sender is refused at sc.lane, without asking
// there again: others are asked, and without another it is held.
func (sc scene) passOver(r relay.Recipient) outcome {
	left := without(sc.lane, sc.present(r.Eligible))
	if len(left) == 0 {
		o := sc.hold(r, sc.lane+" refuses its sender")
		o.idle, o.incident = true, senderIncident(sc.lane, sc.sender, relay.Verdict{})
		return o
	}
	delay, more := sc.route.Retry.Delay(max(r.Attempts, 1), sc.random)
	o := sc.exhausted(r)
	if more {
		o = sc.goOn(r, left, max(delay, minDelay))
	}
	o.idle = true
	return o
}

// queue puts r in line for the upstreams in chain, after delay and at its
// expiry at the latest; past that it has expired.
func (sc scene) queue(r relay.Recipient, chain []string, delay time.Duration, kind relay.EventKind) outcome {
	if isPast(r, sc.now) {
		return finish(r, relay.Expired, relay.EventExpired, "its time is over", sc)
	}
	if len(chain) == 0 {
		o := sc.hold(r, "none of its upstreams is configured any more")
		o.incident = wayIncident(sc.lane, "mail is held: "+o.detail)
		return o
	}
	next := sc.now.Add(delay)
	if !r.ExpiresAt.IsZero() && next.After(r.ExpiresAt) {
		next = r.ExpiresAt
	}
	r.State, r.Eligible, r.NextAttempt = relay.Queued, chain, next
	r.HoldReason, r.Incident = "", 0
	o := outcome{to: r, kind: kind}
	if kind == relay.EventFailover {
		o.detail = "next: " + sc.firstUp(chain)
	}
	return o
}

// hold keeps r for people to look at; the whole route is open to it once it is
// released.
func (sc scene) hold(r relay.Recipient, why string) outcome {
	if isPast(r, sc.now) {
		return finish(r, relay.Expired, relay.EventExpired, "its time is over; otherwise held: "+why, sc)
	}
	r.State, r.HoldReason, r.NextAttempt = relay.Held, why, time.Time{}
	r.Failures = 0
	if all := sc.present(sc.route.Upstreams); len(all) > 0 {
		r.Eligible = all
	}
	return outcome{to: r, kind: relay.EventHeld, detail: why}
}

func (sc scene) exhausted(r relay.Recipient) outcome {
	return finish(r, relay.Expired, relay.EventExpired, "attempts exhausted", sc)
}

// finish ends r in a state for which Finished is true.
func finish(r relay.Recipient, s relay.State, kind relay.EventKind, detail string, sc scene) outcome {
	r.State, r.FinishedAt, r.NextAttempt = s, sc.now, time.Time{}
	r.Incident = 0
	return outcome{to: r, kind: kind, detail: detail}
}

// lapse ends r because its time is over, without an attempt.
func lapse(r relay.Recipient, now time.Time) outcome {
	detail := "its time is over"
	if r.State == relay.Held {
		detail += "; it was held: " + r.HoldReason
	}
	o := finish(r, relay.Expired, relay.EventExpired, detail, scene{now: now})
	o.idle = true
	return o
}

// overdue decides on what the clock has run out for: a recipient expires, or
// its sender is told, once, that it is late.
func overdue(r relay.Recipient, now time.Time) outcome {
	switch {
	case isPast(r, now):
		return lapse(r, now)
	case r.WarnAt.IsZero() || now.Before(r.WarnAt):
		return outcome{to: r}
	}
	r.WarnAt = time.Time{}
	return outcome{to: r, late: true}
}

// isPast reports whether the time of r is over.
func isPast(r relay.Recipient, now time.Time) bool {
	return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}
