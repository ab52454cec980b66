package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

const defaultDrainTime = 30 * time.Second

// Scheduler brings what is in the spool to the upstreams. Its methods are safe
// for concurrent use.
type Scheduler struct {
	Options
	now      atomic.Pointer[course]
	changing sync.RWMutex // held for writing while lanes come and go

	loops sync.WaitGroup // of the lanes and of expiry
	work  sync.WaitGroup // attempts with their settles, and probes
	halt  func()         // ends the loops and the probes
	abort func()         // breaks off the attempts

	claims   context.Context // of the loops and the probes
	attempts context.Context // of the attempts

	owed   chan struct{} // of capacity one: there may be something to report at once; see expire
	failed atomic.Bool   // the spool has failed: nothing is claimed any more
	book   book
}

// New makes a Scheduler. It does nothing before Start.
func New(o Options) *Scheduler {
	if o.DrainTime <= 0 {
		o.DrainTime = defaultDrainTime
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	c := newCourse(o.Plan)
	plan := o.Plan
	o.Plan = Plan{} // it is in the course from now on
	s := &Scheduler{Options: o, owed: make(chan struct{}, 1)}
	s.claims, s.halt = context.WithCancel(context.Background())
	s.attempts, s.abort = context.WithCancel(context.Background())
	for _, lo := range plan.Lanes {
		c.add(newLane(s, lo))
	}
	s.now.Store(c)
	return s
}

// Start takes over what an earlier process knew of the lanes, settles what it
// left in doubt, then opens the lanes and returns. ctx bounds the former only; delivery goes on until Stop. It
// must be called at most once; when it fails nothing runs.
func (s *Scheduler) Start(ctx context.Context) error {
	unreleased, err := s.takeOver(ctx)
	if err != nil {
		return err
	}
	if err := s.settleDoubts(ctx); err != nil {
		return err
	}
	// All are open before the first claims: else a second choice would take
	// the mail of a first one that is not there yet.
	for _, l := range s.course().lanes {
		l.tell(l.up.Load())
	}
	for _, l := range s.course().lanes {
		l.begin()
	}
	s.loops.Go(func() { s.expire(s.claims) })
	s.loops.Go(func() { s.tryHeld(s.claims) })
	s.loops.Go(func() {
		for _, i := range unreleased {
			s.releaseAll(i)
		}
	})
	return nil
}

// takeOver restores what an earlier process knew. It gives the incidents that
// have still to release what they held.
func (s *Scheduler) takeOver(ctx context.Context) (unreleased []relay.Incident, err error) {
	for _, l := range s.course().lanes {
		if err := l.loadKept(ctx); err != nil {
			return nil, err
		}
	}
	return s.loadIncidents(ctx)
}

// Halt ends all claims: nothing more is begun, and what is under way goes on. Stop
// is to follow.
func (s *Scheduler) Halt() { s.halt() }

// Stop ends delivery: nothing more is claimed, attempts under way get the
// drain time (less if ctx ends before), then they are broken off. When it
// returns every outcome has been settled and every goroutine has ended. It may
// be called again, and without Start.
func (s *Scheduler) Stop(ctx context.Context) {
	s.Halt()
	s.loops.Wait()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	drain := time.NewTimer(s.DrainTime)
	defer drain.Stop()
	select {
	case <-done:
	case <-drain.C:
	case <-ctx.Done():
	}
	s.abort()
	<-done
}

// fail ends all claims, because the spool has failed: its Failed says so to
// those who end the process.
func (s *Scheduler) fail() { s.failed.Store(true) }

// failedBy reports whether err says that the spool has failed, and fails then.
func (s *Scheduler) failedBy(err error) bool {
	if errors.Is(err, spool.ErrFailed) || errors.Is(err, spool.ErrClosed) {
		s.fail()
		return true
	}
	return false
}
