package delivery

import (
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

// with changes a verdict.
func with(v relay.Verdict, change func(*relay.Verdict)) relay.Verdict {
	change(&v)
	return v
}

// TestDecide has one line a case: what was asked, the answer, what follows.
// The route is a, b, c unless said otherwise; all of them are up but the ones
// in down and gone. Now is 12:00, received 11:59, expiry 17:00.
func TestDecide(t *testing.T) {
	const (
		delivered, bounced, expired = relay.EventDelivered, relay.EventBounced, relay.EventExpired
		deferred, failover          = relay.EventDeferred, relay.EventFailover
		held, inDoubt               = relay.EventHeld, relay.EventInDoubt
		m                           = time.Minute
	)
	later := func(v relay.Verdict) relay.Verdict {
		return with(v, func(v *relay.Verdict) { v.RetryAfter = 30 * m })
	}
	then := func(v relay.Verdict, a relay.Action) relay.Verdict {
		return with(v, func(v *relay.Verdict) { v.Then = a })
	}
	park := with(quotaUsed, func(v *relay.Verdict) { v.Action, v.Then = relay.ActionPark, relay.ActionNone })
	slowThenFailover := then(throttled, relay.ActionFailover)
	busyGreeting := with(slowThenFailover, func(v *relay.Verdict) { v.Stage = relay.StageGreeting })
	lostUpstream := with(busy, func(v *relay.Verdict) { v.Scope = relay.ScopeUpstream })

	type opt struct {
		lane          string // a
		chain         string // the route
		route         string // a b c
		down, gone    string
		failoverAfter int // 1
		inDoubt       InDoubt
		most          int // attempts
		had           relay.Recipient
		left          time.Duration // until expiry; 5 h
	}
	tests := []struct {
		name     string
		v        relay.Verdict
		o        opt
		kind     relay.EventKind
		chain    string        // while queued
		wait     time.Duration // while queued
		attempts int
	}{
		{"delivered", ok, opt{}, delivered, "", 0, 1},
		{"delivered though its time is over", ok, opt{left: -m}, delivered, "", 0, 1},
		{"bounced", noUser, opt{}, bounced, "", 0, 1},

		{"greylisted waits where it is", greylist, opt{}, deferred, "a b c", m, 1},
		{"greylisted never fails over", greylist, opt{had: relay.Recipient{Failures: 9}}, deferred, "a b c", m, 1},
		{"greylisted for a time", later(greylist), opt{}, deferred, "a b c", 30 * m, 1},
		{"backoff grows", greylist, opt{had: relay.Recipient{Attempts: 3}}, deferred, "a b c", 8 * m, 4},

		{"message deferred: the next at once", busy, opt{}, failover, "b c a", 0, 1},
		{"sender deferred: the next at once", with(busy, func(v *relay.Verdict) { v.Scope = relay.ScopeSender }), opt{}, failover, "b c a", 0, 1},
		{"upstream deferred: the next at once", lostUpstream, opt{}, failover, "b c a", 0, 1},
		{"no scope counts as the message's", with(busy, func(v *relay.Verdict) { v.Scope = relay.ScopeNone }), opt{}, failover, "b c a", 0, 1},
		{"no action counts as retry", with(busy, func(v *relay.Verdict) { v.Action = relay.ActionNone }), opt{}, failover, "b c a", 0, 1},
		{"first of two failures", busy, opt{failoverAfter: 2}, deferred, "a b c", m, 1},
		{"second of two failures", busy, opt{failoverAfter: 2, had: relay.Recipient{Failures: 1, Attempts: 1}}, failover, "b c a", 0, 2},
		{"failures at another do not count", busy, opt{lane: "b", failoverAfter: 2, had: relay.Recipient{Failures: 1}}, deferred, "b a c", m, 1},
		{"what the answer asks for does not stop failover", later(busy), opt{}, failover, "b c a", 0, 1},
		{"one that is down is passed over", busy, opt{down: "b"}, failover, "b c a", 0, 1},
		{"one that is gone is left out", busy, opt{gone: "b"}, failover, "c a", 0, 1},
		{"in the middle of a round", busy, opt{lane: "b", chain: "b c a"}, failover, "c a b", 0, 1},
		{"reached because the first is down", busy, opt{lane: "b", down: "a"}, failover, "c a b", 0, 1},
		{"the round is over", busy, opt{lane: "c", chain: "c a b"}, deferred, "a b c", m, 1},
		{"the round is over: its wait", later(busy), opt{lane: "c", chain: "c a b"}, deferred, "a b c", 30 * m, 1},
		{"nobody left is up", busy, opt{down: "b c"}, deferred, "a b c", m, 1},
		{"a way out ends the round", busy, opt{lane: "a", chain: "b c a", down: "b"}, deferred, "a b c", m, 1},
		{"no other upstream", busy, opt{route: "a"}, deferred, "a", m, 1},
		{"not in the route of today", busy, opt{lane: "x", chain: "x"}, deferred, "a b c", m, 1},

		{"refused dial costs nothing", refused, opt{}, failover, "b c a", 0, 0},
		{"refused dial, no other", refused, opt{route: "a"}, deferred, "a", m, 0},
		{"refused dial, no other, attempts limited", refused, opt{route: "a", most: 1}, deferred, "a", time.Second * 6, 0},
		{"refused dial, no other, for a time", later(refused), opt{route: "a"}, deferred, "a", 30 * m, 0},
		{"reset in data costs one", reset, opt{}, failover, "b c a", 0, 1},
		{"reset everywhere waits", reset, opt{lane: "c", chain: "c a b", had: relay.Recipient{Attempts: 2}}, deferred, "a b c", 4 * m, 3},
		{"an upstream's wait is not that of others", later(reset), opt{lane: "c", chain: "c a b"}, deferred, "a b c", m, 1},

		{"too long: another", tooLong, opt{}, failover, "b c", 0, 1},
		{"too long, and not asked: another", local(tooLong), opt{}, failover, "b c", 0, 0},
		{"too long, and not asked: the last", local(tooLong), opt{route: "a"}, bounced, "", 0, 0},
		{"too long: the last", tooLong, opt{lane: "c", chain: "c"}, bounced, "", 0, 1},
		{"too long: no other", tooLong, opt{route: "a"}, bounced, "", 0, 1},
		{"too long: another is down", tooLong, opt{route: "a b", down: "b"}, deferred, "b", m, 1},
		{"too long: another only deferred", tooLong, opt{lane: "b", route: "a b", chain: "b a"}, deferred, "a", m, 1},
		{"too long: another is gone", tooLong, opt{route: "a b", gone: "b"}, bounced, "", 0, 1},

		{"hold: others first", unverif, opt{}, failover, "b c", 0, 1},
		{"hold: no other", unverif, opt{route: "a"}, held, "", 0, 1},
		{"hold: others refused", unverif, opt{lane: "c", chain: "c"}, held, "", 0, 1},
		{"failover, then hold", then(tooLong, relay.ActionHold), opt{route: "a"}, held, "", 0, 1},

		{"quota: others first", quotaUsed, opt{}, failover, "b c a", 0, 0},
		{"quota: no other", quotaUsed, opt{route: "a"}, deferred, "a", time.Hour, 0},
		{"park: others first", park, opt{}, failover, "b c a", 0, 0},
		{"park: no other", park, opt{route: "a"}, deferred, "a", time.Hour, 0},
		{"park: others are down", park, opt{down: "b c"}, deferred, "a b c", m, 0},
		{"disable: others first", paused, opt{}, failover, "b c a", 0, 0},
		{"disable: no other", paused, opt{route: "a"}, deferred, "a", m, 0},
		{"disable: its lane is closed", paused, opt{route: "a", down: "a"}, deferred, "a", 0, 0},
		{"disable: all lanes are closed", paused, opt{down: "a b c"}, deferred, "a b c", 0, 0},
		{"disable: another is open that has been asked", paused, opt{lane: "b", route: "a b", chain: "b a", down: "b"}, deferred, "a b", m, 0},
		{"quota: its lane is closed", quotaUsed, opt{route: "a", down: "a"}, deferred, "a", 0, 0},

		{"slow: soon again", throttled, opt{}, deferred, "a b c", slowDelay, 0},
		{"slow: as long as it wants", later(throttled), opt{}, deferred, "a b c", 30 * m, 0},
		{"slow, then failover: once more", slowThenFailover, opt{}, deferred, "a b c", slowDelay, 0},
		{"slow, then failover", slowThenFailover, opt{had: relay.Recipient{Failures: 1}}, failover, "b c a", 0, 0},
		{"slow before we can begin: others at once", busyGreeting, opt{}, failover, "b c a", 0, 0},
		{"slow before we can begin: no other", busyGreeting, opt{route: "a"}, deferred, "a", slowDelay, 0},
		{"slow before we can begin: others are down", busyGreeting, opt{down: "b c"}, deferred, "a b c", slowDelay, 0},

		{"in doubt: once more, there", lost, opt{}, inDoubt, "a", m, 1},
		{"in doubt: after the first backoff", lost, opt{had: relay.Recipient{Attempts: 5}}, inDoubt, "a", m, 6},
		{"in doubt: hold", lost, opt{inDoubt: InDoubtHold}, held, "", 0, 1},
		{"in doubt: failover", lost, opt{inDoubt: InDoubtFailover}, failover, "b c a", 0, 1},
		{"in doubt: failover, the round is over", lost, opt{lane: "c", chain: "c a b", inDoubt: InDoubtFailover}, deferred, "a b c", m, 1},
		{"in doubt twice", lost, opt{had: relay.Recipient{InDoubt: 1}}, held, "", 0, 1},
		{"in doubt twice, failover", lost, opt{inDoubt: InDoubtFailover, had: relay.Recipient{InDoubt: 1}}, held, "", 0, 1},
		{"in doubt, and gone", lost, opt{gone: "a"}, held, "", 0, 1},
		{"in doubt, the last attempt", lost, opt{most: 1}, held, "", 0, 1},
		{"in doubt at the end", lost, opt{left: -m}, expired, "", 0, 1},
		{"in doubt stays there", busy, opt{chain: "a", had: relay.Recipient{InDoubt: 1}}, deferred, "a", m, 1},
		{"in doubt, then a dial that fails", refused, opt{chain: "a", had: relay.Recipient{InDoubt: 1}}, deferred, "a", m, 0},

		{"too many: at once, there", with(tooManyAtData, func(v *relay.Verdict) { v.Free = true }), opt{chain: "b c a"}, deferred, "a b c", 0, 0},
		{"too many: though failures were", with(tooManyAtData, func(v *relay.Verdict) { v.Free = true }), opt{had: relay.Recipient{Failures: 9}}, deferred, "a b c", 0, 0},
		{"interrupted is due at once", interrupted, opt{}, deferred, "a b c", 0, 0},
		{"not marked costs nothing", relay.Verdict{Class: relay.ClassDeferred, Free: true, Rule: "not-marked"}, opt{route: "a"}, deferred, "a", m, 0},

		{"its time is over", busy, opt{left: -m}, expired, "", 0, 1},
		{"held too late", unverif, opt{route: "a", left: -m}, expired, "", 0, 1},
		{"waits until its time is over", greylist, opt{left: 10 * time.Second}, deferred, "a b c", 10 * time.Second, 1},
		{"attempts exhausted", greylist, opt{most: 3, had: relay.Recipient{Attempts: 2}}, expired, "", 0, 3},
		{"attempts exhausted, another left", busy, opt{most: 3, had: relay.Recipient{Attempts: 2}}, expired, "", 0, 3},
		{"attempts exhausted, refused for good", tooLong, opt{most: 1, route: "a"}, bounced, "", 0, 1},
		{"all its upstreams are gone", busy, opt{route: "a", gone: "a"}, held, "", 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.o
			if o.lane == "" {
				o.lane = "a"
			}
			if o.route == "" {
				o.route = "a b c"
			}
			if o.chain == "" {
				o.chain = o.route
			}
			if o.failoverAfter == 0 {
				o.failoverAfter = 1
			}
			if o.left == 0 {
				o.left = 5 * time.Hour
			}
			now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
			r := o.had
			r.Eligible, r.ExpiresAt = strings.Fields(o.chain), now.Add(o.left)
			got := decide(r, tt.v, scene{
				lane: o.lane, received: now.Add(-m), now: now,
				route: Route{
					Upstreams: strings.Fields(o.route), Retry: doubling{o.most},
					FailoverAfter: o.failoverAfter, InDoubt: o.inDoubt,
				},
				state: func(name string) laneState {
					switch {
					case slices.Contains(strings.Fields(o.gone), name):
						return laneGone
					case slices.Contains(strings.Fields(o.down), name):
						return laneDown
					}
					return laneUp
				},
			})
			if got.kind != tt.kind || got.to.Attempts != tt.attempts {
				t.Errorf("%s after %d attempts (%s), want %s after %d", got.kind, got.to.Attempts, got.detail, tt.kind, tt.attempts)
			}
			checkOutcome(t, got, now)
			if got.to.State != relay.Queued {
				return
			}
			if chain := strings.Join(got.to.Eligible, " "); chain != tt.chain {
				t.Errorf("goes to %q, want %q", chain, tt.chain)
			}
			if wait := got.to.NextAttempt.Sub(now); wait != tt.wait {
				t.Errorf("waits %s, want %s", wait, tt.wait)
			}
			if strings.Join(r.Eligible, " ") != o.chain {
				t.Error("the chain that was handed in has changed")
			}
		})
	}
}

// checkOutcome checks what holds for every outcome.
func checkOutcome(t *testing.T, o outcome, now time.Time) {
	t.Helper()
	states := map[relay.EventKind]relay.State{
		relay.EventDelivered: relay.Delivered, relay.EventBounced: relay.Bounced, relay.EventExpired: relay.Expired,
		relay.EventHeld: relay.Held, relay.EventDeferred: relay.Queued, relay.EventFailover: relay.Queued, relay.EventInDoubt: relay.Queued,
	}
	r := o.to
	if r.State != states[o.kind] {
		t.Errorf("%s, but the event is %s", r.State, o.kind)
	}
	if r.State.Finished() != r.FinishedAt.Equal(now) {
		t.Errorf("%s, finished at %s", r.State, r.FinishedAt)
	}
	if (r.State == relay.Queued) == r.NextAttempt.IsZero() {
		t.Errorf("%s, next attempt at %s", r.State, r.NextAttempt)
	}
	if r.State == relay.Held && (r.HoldReason == "" || r.HoldReason == relay.HoldOperator || len(r.Eligible) == 0) {
		t.Errorf("held because %q, to be released to %v", r.HoldReason, r.Eligible)
	}
	if unknown := r.Last.Class == relay.ClassUnknown; unknown != (o.inDoubt || o.kind == relay.EventInDoubt) {
		t.Errorf("class %s, in doubt is told: %v", r.Last.Class, !unknown)
	}
	if !r.LastAt.Equal(now) || r.Upstream == "" {
		t.Errorf("the attempt is not recorded: %+v", r)
	}
}

func TestPauseFor(t *testing.T) {
	hour := with(throttled, func(v *relay.Verdict) { v.RetryAfter = time.Hour })
	for _, tt := range []struct {
		in   []relay.Verdict
		want time.Duration
	}{
		{nil, 0},
		{[]relay.Verdict{ok, busy}, 0},
		{[]relay.Verdict{ok, throttled}, slowDelay},
		{[]relay.Verdict{throttled, hour}, maxPause},
	} {
		if got := pauseFor(tt.in); got != tt.want {
			t.Errorf("pauseFor(%v) = %s, want %s", tt.in, got, tt.want)
		}
	}
}
