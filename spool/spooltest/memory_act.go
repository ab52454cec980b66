package spooltest

import (
	"context"
	"maps"
	"slices"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Act changes what f selects; see spool.Store.
func (s *Memory) Act(ctx context.Context, f spool.Filter, change func(spool.Selected) *spool.Settlement, done func(spool.Selected, *spool.Settlement, []spool.Notice)) error {
	for _, in := range s.take(f) {
		today := s.today() // before it is changed: see UseTable
		to := change(in)
		if to == nil {
			s.Release(&in.Delivery)
			continue
		}
		s.adopt(in.Message.ID, today)
		written, err := s.settle(&in.Delivery, to)
		if err != nil {
			s.Release(&in.Delivery)
			return err
		}
		done(in, to, written)
	}
	return ctx.Err()
}

// take leases the selected recipients that are not being sent.
func (s *Memory) take(f spool.Filter) (found []spool.Selected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.messages)) {
		e := s.messages[id]
		as := s.entry(e)
		if f.Limit > 0 && len(found) >= f.Limit || !f.Match(as) || as.Finished() && !f.History() {
			continue
		}
		in := spool.Selected{HasBody: e.body != nil, All: as.Recipients, Wanted: e.rec.Intents}
		var free []int
		for i, r := range as.Recipients {
			switch {
			case !f.MatchRecipient(r):
			case s.leased(e, i):
				in.Sending, in.SendingIndex = append(in.Sending, r), append(in.SendingIndex, i)
			default:
				free = append(free, i)
			}
		}
		in.Delivery = s.lease(e, "", free)
		found = append(found, in)
	}
	return found
}

func (s *Memory) today() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table
}

// adopt has a message belong to the routing table of today where nothing of it
// waits under an older one.
func (s *Memory) adopt(id relay.ID, today string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.messages[id]
	waits := func(r relay.Recipient) bool { return r.State == relay.Queued }
	if e != nil && !slices.ContainsFunc(e.rec.Recipients, waits) {
		e.rec.Table = today
	}
}
