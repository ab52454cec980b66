package delivery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"relaykeep/relay"
)

// Who closes the incidents that ended by themselves.
const (
	byProbe         = "probe"
	byConfiguration = "configuration" // which has a way again for what was held
)

// book knows the incidents that are open.
type book struct {
	// naming is held for reading by who opens an incident and stores what it
	// holds, and for writing by who closes one: else a recipient could come
	// to be held by an incident that has released what it held already.
	naming sync.RWMutex

	mu   sync.Mutex
	open map[string]int64 // the numbers, by cause
}

func (b *book) find(cause string) (number int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	number, ok = b.open[cause]
	return number, ok
}

func (b *book) add(i *relay.Incident) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = make(map[string]int64)
	}
	b.open[i.Cause] = i.Number
}

func (b *book) remove(cause string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, cause)
}

// loadIncidents takes over what an earlier process knew: upstreams that are
// disabled and senders that are refused stay so. It gives the incidents that
// are closed and hold something still, because that process ended in between.
func (s *Scheduler) loadIncidents(ctx context.Context) (unreleased []relay.Incident, err error) {
	all, err := s.Spool.Incidents(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("the incidents: %w", err)
	}
	for i := range all {
		switch {
		case all[i].Open():
			s.book.add(&all[i])
			s.impose(&all[i], time.Now(), true)
		case all[i].Held > 0:
			unreleased = append(unreleased, all[i])
		}
	}
	return unreleased, nil
}

// impose lets an incident that has opened do what its scope says.
func (s *Scheduler) impose(i *relay.Incident, now time.Time, restored bool) {
	l := s.lane(i.Upstream)
	switch {
	case l == nil:
	case i.Kind == relay.IncidentSender && i.Cause == senderCause(i.Upstream, i.Sender):
		l.senders.block(i.Sender, now, restored)
	case restored && (i.Kind == relay.IncidentUpstream || i.Kind == relay.IncidentQuota):
		l.restore(i, now)
	}
}

// open opens the incident i, or finds the one of its cause: its number, and
// whether it is news. The number is 0 where the spool fails. The caller has
// book.naming for reading.
func (s *Scheduler) open(i relay.Incident, at time.Time) (number int64, opened bool) {
	if l := s.lane(i.Upstream); l != nil && i.Kind == relay.IncidentSender && l.senders.full(i.Sender) {
		i = manySenders(i)
	}
	if number, ok := s.book.find(i.Cause); ok {
		return number, false
	}
	i.OpenedAt = at
	as, opened, err := s.Spool.OpenIncident(context.Background(), i)
	if err != nil {
		s.failedBy(err)
		return 0, false
	}
	s.book.add(&as)
	s.impose(&as, at, false)
	return as.Number, opened
}

// raise opens an incident that belongs to no settlement, and tells of it if it
// is news. It returns the number, 0 where the spool fails.
func (s *Scheduler) raise(i *relay.Incident) int64 {
	s.book.naming.RLock()
	defer s.book.naming.RUnlock()
	return s.announce(i)
}

// announce is raise for who has book.naming.
func (s *Scheduler) announce(i *relay.Incident) int64 {
	now := time.Now()
	number, opened := s.open(*i, now)
	if opened || number == 0 {
		s.Sink.Emit(relay.Event{
			Kind: relay.EventIncidentOpened, At: now, Incident: number,
			From: i.Sender, Upstream: i.Upstream, Verdict: i.Verdict, Detail: i.Detail,
		})
	}
	return number
}

// HoldUnder opens an incident, or finds the one of its cause that is open, and
// calls store with its number: what store writes to the spool may be held by
// it, for it is not closed before store has returned. Its error is store's, or
// the spool's.
func (s *Scheduler) HoldUnder(i relay.Incident, store func(number int64) error) error {
	s.book.naming.RLock()
	defer s.book.naming.RUnlock()
	number := s.announce(&i)
	if number == 0 {
		return fmt.Errorf("the incident %q could not be opened", i.Cause)
	}
	return store(number)
}

// close closes an incident; what it holds is still to be released.
func (s *Scheduler) close(ctx context.Context, number int64, by string) (relay.Incident, error) {
	s.book.naming.Lock()
	defer s.book.naming.Unlock()
	i, err := s.Spool.CloseIncident(ctx, number, by)
	if err != nil {
		return i, err
	}
	s.book.remove(i.Cause)
	l := s.lane(i.Upstream)
	if l != nil && i.Kind == relay.IncidentSender {
		l.senders.unblock(i.Sender)
	}
	e := relay.Event{
		Kind: relay.EventIncidentClosed, At: i.ClosedAt, Incident: number,
		From: i.Sender, Upstream: i.Upstream, Verdict: i.Verdict, Detail: "resolved by " + by,
	}
	switch {
	case by == byConfiguration && i.Upstream != "" && l == nil:
		e.Detail = "the configuration has no upstream " + i.Upstream + " any more"
	case by == byConfiguration:
		e.Detail = "what it held has a way again"
	case by != byProbe:
		e.User = by
	case i.Kind == relay.IncidentSender:
		e.Detail = fmt.Sprintf("%s takes the sender <%s> again", i.Upstream, i.Sender)
	default:
		e.Detail = i.Upstream + " works again"
	}
	s.Sink.Emit(e)
	return i, nil
}

// mended closes an incident that a probe has ended, and releases what it held
// in the background. It is called from what Stop waits for.
func (s *Scheduler) mended(number int64) {
	i, err := s.close(context.Background(), number, byProbe)
	if err == nil {
		s.work.Go(func() { s.releaseAll(i) })
	}
}

// ResolveIncident closes an incident because somebody (by) says that its cause
// is mended, and releases what it held: it is due at once, by the routes of
// today, with the attempts that it had. A disabled upstream is probed at once,
// and a sender that was refused is asked for again; what is not mended opens
// the incident again. It returns the incident and how many recipients were
// released.
//
// The error matches spool.ErrNotFound where no such incident is open. When it
// comes from the release, the incident is closed and the next start goes on
// with what it holds still.
func (s *Scheduler) ResolveIncident(ctx context.Context, number int64, by string) (i relay.Incident, released int, err error) {
	if i, err = s.close(ctx, number, by); err != nil {
		return i, 0, err
	}
	if l := s.lane(i.Upstream); l != nil {
		l.resolved(i)
	}
	released, err = s.release(ctx, i)
	return i, released, err
}
