package delivery

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// claimPause is how long a lane waits after a claim that failed though the
// spool lives.
const claimPause = 5 * time.Second

// lane asks one upstream. Its loop is the only one that claims for it and the
// only one that tells the spool and the sink whether it is open.
type lane struct {
	Lane
	s       *Scheduler
	claims  context.Context // of the loop and the probes
	halt    func()          // ends them
	ended   chan struct{}   // closed when the loop has
	prepare atomic.Pointer[Preparer]
	ready   <-chan struct{}
	wake    chan struct{} // capacity one: a slot was freed, or the breaker turned
	up      atomic.Bool   // it takes mail: for the decisions of others

	senders   senders    // those that it refuses
	before    kept       // of an earlier process
	operating sync.Mutex // one operator at a time

	mu       sync.Mutex
	breaker  breaker
	inFlight int       // attempts under way
	settling int       // commits under way
	pause    time.Time // asked to slow down: nothing is claimed until then
	away     bool      // while it is paused, its mail is for others
	more     bool      // there may be mail that no slot was free for
	worked   time.Time // it took a message
	suspects suspects
	pausedBy string // an operator; "" for nobody
	shape    shape  // of transactions that the upstream was found to want
	keeps    bool   // each settlement stores what is to be kept of the lane

	spent      bool // the quota is used up by our count
	spentLong  bool // for so long that somebody should know
	spentUntil time.Time
	spentFor   time.Duration // at least, the last time
	quotaMost  int           // the most that the quota had room for

	retired   bool    // it claims nothing more
	elders    []*lane // retired ones whose place it has, with attempts under way
	successor *lane   // that has its place; nil for none

	incident      int64 // open ones that tell of this lane; 0 for none
	quotaIncident int64

	// Of the loop alone: what was told last.
	toldSpool  bool
	toldUp     bool
	toldSpent  bool
	toldGen    uint64
	claimError int64 // the incident of claims that fail
}

func newLane(s *Scheduler, o Lane) *lane {
	o.MaxConnections = max(o.MaxConnections, 1)
	o.MaxRecipients = max(o.MaxRecipients, 1)
	if o.Pace == nil {
		o.Pace = steady(o.MaxConnections)
	}
	l := &lane{
		Lane:    o,
		s:       s,
		ready:   s.Spool.Ready(o.Name),
		wake:    make(chan struct{}, 1),
		ended:   make(chan struct{}),
		breaker: newBreaker(o.Breaker),
		toldUp:  true,
	}
	l.claims, l.halt = context.WithCancel(s.claims)
	l.setPrepare(o.Prepare)
	l.senders.limits = l.breaker.limits
	l.keeps = l.Quota != nil
	l.up.Store(true)
	return l
}

// loop claims what is due until ctx ends.
func (l *lane) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if again := l.step(ctx); again.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(again))
		}
		select {
		case <-ctx.Done():
			return
		case <-l.ready:
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// plan is what a lane does next.
type plan struct {
	open   bool // mail may be offered to the lane
	probe  bool // probe the upstream without mail
	trial  bool // claim for a half-open breaker: one message, to see
	claim  int  // how many messages
	most   int  // how many recipients of each
	domain bool // all of one domain
	others int  // of a trial: how many more, so that a fresh one is among them
	avoid  []relay.ID
	again  time.Time // look again then; zero: wait to be woken
	gen    uint64
}

// step does what there is to do now and returns when to look again, the zero
// time for when there is a reason.
func (l *lane) step(ctx context.Context) time.Time {
	p := l.plan(time.Now())
	l.tell(p.open)
	if l.s.failed.Load() || ctx.Err() != nil {
		return time.Time{}
	}
	switch {
	case p.probe:
		l.s.work.Go(func() { l.probe(ctx, p.gen) })
		return time.Time{}
	case p.claim == 0:
		return p.again
	}
	due, next, err := l.s.Spool.Claim(ctx, l.Name, spool.Limit{Messages: p.claim + p.others, Recipients: p.most, OneDomain: p.domain})
	if err != nil {
		return l.claimFailed(ctx, err)
	}
	if l.claimError != 0 {
		l.s.mended(l.claimError)
		l.claimError = 0
	}
	switch {
	case l.outdated(p):
		l.release(due)
		return time.Now()
	case p.trial:
		return l.try(due, next, p)
	}
	return l.start(due, next, p)
}

// release gives back what was claimed.
func (l *lane) release(due []spool.Delivery) {
	for i := range due {
		l.s.Spool.Release(&due[i])
	}
}

// outdated reports whether the upstream must not be asked any more by a plan: it
// has failed, or an operator has paused it, while mail was claimed. What has just
// come back from it may be among that.
func (l *lane) outdated(p plan) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.breaker.gen != p.gen || l.pausedBy != ""
}

// plan decides what to do now.
func (l *lane) plan(now time.Time) plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.turn()
	if l.pausedBy != "" {
		return plan{}
	}
	l.breaker.tick(now)
	p := plan{gen: l.breaker.gen, most: l.MaxRecipients}
	if s := l.shape.at(now); s != (shape{}) {
		p.domain = s.OneDomain
		if s.Most > 0 {
			p.most = min(p.most, s.Most)
		}
	}
	switch l.breaker.state {
	case BreakerOpen:
		p.again = l.breaker.until
		return p
	case BreakerHalfOpen:
		if l.breaker.probing {
			return p
		}
		if p.probe = !l.breaker.needsMail(); p.probe {
			l.breaker.probing = true
			return p
		}
	}
	free := l.free(now)
	messages, recipients, again := l.room(now)
	if l.spent {
		p.again = again
		return p
	}
	p.most = min(p.most, max(recipients, 1))
	switch {
	case messages == 0:
		p.again = again
	case now.Before(l.pause):
		p.again = l.pause
	case free <= 0:
		l.more = true
	case l.breaker.state == BreakerHalfOpen:
		p.trial, p.claim = true, 1
		p.avoid = slices.Clone(l.breaker.row)
		p.others = len(p.avoid)
	default:
		p.claim = min(free, messages)
	}
	// While a half-open lane cannot try, its mail goes the other way.
	p.open = p.trial || l.breaker.state == BreakerClosed && !(l.away && now.Before(l.pause))
	return p
}

// turn lets the decisions of others know whether the lane takes mail. The
// caller holds l.mu.
func (l *lane) turn() {
	l.up.Store(l.breaker.state == BreakerClosed && l.pausedBy == "" && !l.spent && !l.retired)
}

// free is how many attempts may start. An attempt whose outcome is being
// stored keeps no connection, but there are bounds to those, too. The caller
// holds l.mu.
func (l *lane) free(now time.Time) int {
	inFlight, settling := l.inherited()
	inFlight, settling = inFlight+l.inFlight, settling+l.settling
	return min(l.Pace.Connections(now)-inFlight, 3*l.MaxConnections-inFlight-settling)
}

// start starts an attempt for each delivery.
func (l *lane) start(due []spool.Delivery, next time.Time, p plan) time.Time {
	now := time.Now()
	taken := l.take(now, due)
	l.release(due[taken:])
	l.mu.Lock()
	l.inFlight += taken
	l.more = len(due) == p.claim || taken < len(due)
	again := l.more && l.free(now) > 0
	l.mu.Unlock()
	for i := range due[:taken] {
		l.run(&due[i], p.gen, now)
	}
	if again {
		return time.Now()
	}
	return next
}

// run makes an attempt in a goroutine of its own; the caller has counted it.
func (l *lane) run(d *spool.Delivery, gen uint64, taken time.Time) {
	l.s.work.Go(func() {
		a := attempt{s: l.s, d: d, l: l, by: l.s.course(), prepare: *l.prepare.Load()}
		a.carry(l.Transport)
		l.attempted(&a, gen, taken)
		a.settle()
		l.settled()
		if sender := a.sender(); a.delivered() && l.senders.blocks(sender) {
			if number, ok := l.s.book.find(senderCause(l.Name, sender)); ok {
				l.s.mended(number)
			}
		}
	})
}

// attempted frees the slot of an attempt and takes in what it found. Where the
// lane has been replaced meanwhile, its breaker and pace are of the past, but how
// the upstream wants to be asked holds for those that have its place, too.
func (l *lane) attempted(a *attempt, gen uint64, taken time.Time) {
	a.noteBlame()
	f := a.finding()
	if f.verdict.Action == relay.ActionDisable && a.blamesItself() {
		f = finding{}
	}
	pause := pauseFor(a.verdicts)
	l.heir().giveBack(taken, a)
	l.mu.Lock()
	l.inFlight--
	l.settling++
	turned := l.breaker.record(a.ended, gen, a.d.Message.ID, f)
	l.turn()
	if a.delivered() {
		l.worked = a.ended
	}
	l.suspects.note(a.d.Message.ID, a.sender(), a.verdicts)
	restart := turned && l.breaker.state == BreakerClosed
	switch {
	case restart:
		l.Pace.RestartSlowly(a.ended)
	case pause == 0 && f.kind == upstreamWorks && f.verdict.Class == relay.ClassDelivered:
		l.Pace.Ok(a.ended, 1)
	}
	l.heed(a, pause, restart)
	next := l.successor
	wake := turned || l.more || l.retired
	l.mu.Unlock()
	if wake {
		l.rouse()
	}
	for next != nil {
		next.mu.Lock()
		next.heed(a, pause, false)
		following := next.successor
		next.mu.Unlock()
		next = following
	}
}

// heed takes in how the upstream wants to be asked: in smaller transactions, or
// less for a while. A pace that begins anew is slow enough already. The caller
// holds l.mu.
func (l *lane) heed(a *attempt, pause time.Duration, restart bool) {
	if a.split {
		l.shape, l.keeps = l.shape.narrow(a.found, a.ended), true
	}
	if pause == 0 {
		return
	}
	if !restart {
		l.Pace.Slow(a.ended, pause)
	}
	if until := a.ended.Add(pause); until.After(l.pause) {
		l.pause, l.away = until, goesElsewhere(a.verdicts)
	}
}

// settled counts a commit that is over.
func (l *lane) settled() {
	l.mu.Lock()
	now := time.Now()
	full := l.more && l.free(now) == 0
	l.settling--
	wake := full && l.free(now) > 0 || l.retired
	l.mu.Unlock()
	if wake {
		l.rouse()
	}
}

func (l *lane) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// claimFailed decides when to claim again after err.
func (l *lane) claimFailed(ctx context.Context, err error) time.Time {
	switch {
	case ctx.Err() != nil:
		return time.Time{}
	case l.s.failedBy(err):
		return time.Time{}
	}
	if l.claimError == 0 {
		l.claimError = l.s.raise(claimIncident(l.Name, err))
	}
	return time.Now().Add(claimPause)
}
