package spooltest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// OpenIncident opens an incident; see spool.Store.
func (s *Memory) OpenIncident(_ context.Context, i relay.Incident) (relay.Incident, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.incidents {
		before := &s.incidents[n]
		switch {
		case before.Cause != i.Cause:
			continue
		case before.Open():
			return *before, false, nil
		}
		i.Number, i.Times = before.Number, before.Times+1
		*before = i
		return i, true, nil
	}
	i.Number, i.Times = int64(len(s.incidents)+1), 1
	s.incidents = append(s.incidents, i)
	return i, true, nil
}

// CloseIncident closes an incident; see spool.Store.
func (s *Memory) CloseIncident(_ context.Context, number int64, by string) (relay.Incident, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number < 1 || number > int64(len(s.incidents)) || !s.incidents[number-1].Open() {
		return relay.Incident{}, fmt.Errorf("incident %d: %w", number, spool.ErrNotFound)
	}
	i := &s.incidents[number-1]
	i.ClosedAt, i.ClosedBy = time.Now().UTC(), by
	return *i, nil
}

// Incidents gives the incidents; see spool.Store.
func (s *Memory) Incidents(_ context.Context, all bool) (found []relay.Incident, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.incidents {
		if all || i.Open() {
			i.Held = s.held(i.Number)
			found = append(found, i)
		}
	}
	return found, nil
}

func (s *Memory) held(number int64) (n int64) {
	for _, e := range s.messages {
		for i := range e.rec.Recipients {
			if r := &e.rec.Recipients[i]; r.State == relay.Held && r.Incident == number {
				n++
			}
		}
	}
	return n
}

// ReleaseIncident gives what an incident holds a new value; see spool.Store.
func (s *Memory) ReleaseIncident(_ context.Context, number int64, assign func(relay.Message, relay.Recipient) relay.Recipient) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.heldBy(number) {
		n += s.release(e, number, assign)
	}
	s.wakeAll()
	return n, nil
}

// ReleaseOne gives a new value to what an incident holds of one message; see
// spool.Store.
func (s *Memory) ReleaseOne(_ context.Context, number int64, nth int, assign func(relay.Message, relay.Recipient) relay.Recipient) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.heldBy(number); len(held) > 0 {
		n = s.release(held[nth%len(held)], number, assign)
	}
	s.wakeAll()
	return n, nil
}

// heldBy gives the messages that an incident holds, oldest first.
func (s *Memory) heldBy(number int64) (held []*entry) {
	for _, id := range slices.Sorted(maps.Keys(s.messages)) {
		e := s.messages[id]
		if slices.ContainsFunc(e.rec.Recipients, func(r relay.Recipient) bool { return r.State == relay.Held && r.Incident == number }) {
			held = append(held, e)
		}
	}
	return held
}

func (s *Memory) release(e *entry, number int64, assign func(relay.Message, relay.Recipient) relay.Recipient) (n int) {
	queued := slices.ContainsFunc(e.rec.Recipients, func(r relay.Recipient) bool { return r.State == relay.Queued })
	before := slices.Clone(e.rec.Recipients)
	for i := range e.rec.Recipients {
		r := &e.rec.Recipients[i]
		if r.State != relay.Held || r.Incident != number {
			continue
		}
		*r = assign(e.rec.Message, *r)
		if n++; !queued {
			e.rec.Table = s.table
		}
	}
	relay.MergeRedirected(e.rec.Recipients, before, time.Now().UTC())
	return n
}

// LaneState gives what was kept for a lane; see spool.Store.
func (s *Memory) LaneState(_ context.Context, lane string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[lane], nil
}

// KeepLaneState stores a few bytes for a lane; see spool.Store.
func (s *Memory) KeepLaneState(_ context.Context, lane string, state []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states[lane] = state
	return nil
}
