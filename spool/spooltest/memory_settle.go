package spooltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Mark records what is about to be sent; see spool.Store.
func (s *Memory) Mark(d *spool.Delivery, accepted []int, made *relay.Signature) (wait func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var index []int
	for _, n := range accepted {
		index = append(index, d.Index[n])
	}
	err := spool.ErrClosed
	if e := s.messages[d.Message.ID]; e != nil && !s.closed {
		e.marks[d.Lease], err = mark{index, made}, nil
	}
	return func() error { return err }
}

// Settle writes the outcome of a delivery; see spool.Store.
func (s *Memory) Settle(_ context.Context, d *spool.Delivery, outcome spool.Settlement) error {
	written, err := s.settle(d, &outcome)
	if err == nil && len(written) > 0 && outcome.Written != nil {
		outcome.Written(written)
	}
	return err
}

func (s *Memory) settle(d *spool.Delivery, outcome *spool.Settlement) (written []spool.Notice, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, spool.ErrClosed
	}
	if len(outcome.Recipients) != len(d.Index) {
		return nil, fmt.Errorf("settle %s: %d recipients for a delivery of %d", d.Message.ID, len(outcome.Recipients), len(d.Index))
	}
	e := s.messages[d.Message.ID]
	if e == nil {
		delete(s.leases, d.Lease)
		return nil, nil
	}
	rec := e.rec
	rec.Recipients = slices.Clone(rec.Recipients)
	for n, i := range d.Index {
		rec.Recipients[i] = outcome.Recipients[n]
	}
	told := rec.Intend(d.Index, outcome, func(i int) bool { return !s.leasedBeside(d, i) })
	written = slices.Concat(outcome.Notices, s.report(d, &rec, outcome))
	if len(told) > 0 {
		written = append(written, spool.Notice{Told: told})
		if outcome.Report == nil {
			rec.OweReport()
		}
	}
	for _, n := range written {
		if err := s.checkNotice(n); err != nil {
			return nil, fmt.Errorf("settle %s: %w", d.Message.ID, err)
		}
	}
	for _, made := range []*relay.Signature{e.marks[d.Lease].made, outcome.Signature} {
		if made != nil {
			rec.Signatures = spool.WithSignature(rec.Signatures, *made)
		}
	}
	if rec.Finished() {
		rec.Signatures = nil
	}
	s.apply(e, d, rec, outcome)
	for _, n := range written {
		e.events = append(e.events, n.Told...)
		if n.Message != nil {
			s.add(n.Message, n.Recipients, n.Table, n.Events, slices.Clone(n.Body))
		}
	}
	if rec.Table != s.table {
		s.tellLate()
	}
	s.wakeAll()
	return written, nil
}

// apply changes a message to rec.
func (s *Memory) apply(e *entry, d *spool.Delivery, rec spool.Record, outcome *spool.Settlement) {
	delete(s.leases, d.Lease)
	delete(e.marks, d.Lease)
	e.rec = rec
	e.events = append(e.events, outcome.Events...)
	if outcome.LaneState != nil {
		if state := outcome.LaneState(); state != nil {
			s.states[d.Lane] = state
		}
	}
	if rec.Finished() && !rec.Failed() {
		e.body = nil
	}
}

func (s *Memory) checkNotice(n spool.Notice) error {
	if n.Message == nil {
		return nil
	}
	if _, err := spool.KeyOf(n.Message.ID); err != nil {
		return err
	}
	if len(n.Recipients) == 0 || len(n.Body) > spool.MaxNotice {
		return errors.New("a notice without recipients, or too large")
	}
	return s.mustBeFresh(n.Message.ID)
}

// report gives the notices that tell of what is finished now, unless another
// delivery of the message is to do that.
func (s *Memory) report(d *spool.Delivery, rec *spool.Record, outcome *spool.Settlement) []spool.Notice {
	finished := rec.Unreported()
	waits := outcome.Report != nil && len(finished) > 0 || rec.ReportDue
	if waits && !rec.Entry().Finished() && (s.busy(rec.Message.ID, d.Lease) || rec.ReportWaits(time.Now())) {
		rec.ReportDue = true
		return nil
	}
	rec.ReportDue = false
	if outcome.Report == nil || len(finished) == 0 {
		return nil
	}
	rec.MarkReported()
	return outcome.Report(finished)
}

// leasedBeside reports whether a recipient of a message is leased by another
// delivery of it.
func (s *Memory) leasedBeside(d *spool.Delivery, i int) bool {
	for lease, o := range s.leases {
		if lease != d.Lease && o.Message.ID == d.Message.ID && slices.Contains(o.Index, i) {
			return true
		}
	}
	return false
}

// busy reports whether a message is leased beside one lease.
func (s *Memory) busy(id relay.ID, but uint64) bool {
	for lease, d := range s.leases {
		if lease != but && d.Message.ID == id {
			return true
		}
	}
	return false
}

// Expired leases what has run out of time; see spool.Store.
func (s *Memory) Expired(_ context.Context, now time.Time, max int) (past []spool.Delivery, next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.messages)) {
		e := s.messages[id]
		due := e.rec.ReportDue && !s.busy(id, 0) && !e.rec.ReportWaits(now)
		var index []int
		for i := range e.rec.Recipients {
			at, runs := spool.Timeout(&e.rec.Recipients[i])
			switch {
			case !runs || s.leased(e, i):
			case !at.After(now):
				index = append(index, i)
			case next.IsZero() || at.Before(next):
				next = at
			}
		}
		if (due || len(index) > 0) && len(past) < max {
			past = append(past, s.lease(e, "", index))
		}
	}
	if len(past) == max {
		next = time.Time{}
	}
	return past, next, nil
}
