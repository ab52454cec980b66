package bolt

import (
	"bytes"
	"context"
	"slices"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// acted is a message that an operator changes, or leaves as it is.
type acted struct {
	key     spool.Key
	in      spool.Selected
	to      *spool.Settlement // nil: nothing is changed
	written []spool.Notice
}

// acting is one run of Act.
type acting struct {
	s      *Store
	f      spool.Filter
	glance spool.Glance
	after  []byte // the last id that was looked at
	given  int    // how many messages were selected
}

// Act changes what f selects; see spool.Store. The selected recipients are
// leased meanwhile, as those of a delivery are, so that no lane sends what is
// about to be changed.
func (s *Store) Act(ctx context.Context, f spool.Filter, change func(spool.Selected) *spool.Settlement, done func(spool.Selected, *spool.Settlement, []spool.Notice)) error {
	a := acting{s: s, f: f, glance: spool.NewGlance(f)}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var page []acted
		var err error
		if page, more, err = a.take(); err == nil {
			err = s.act(ctx, page, change)
		}
		s.letGo(page)
		if err != nil {
			return err
		}
		for i := range page {
			if p := &page[i]; p.to != nil {
				done(p.in, p.to, p.written)
			}
		}
	}
	return nil
}

// take leases what is selected of the next messages; more is false at the end.
func (a *acting) take() (page []acted, more bool, err error) {
	a.s.leases.mu.Lock()
	defer a.s.leases.mu.Unlock()
	err = a.s.view(func(tx *bbolt.Tx) error {
		m := inOrder(tx, a.after, a.f)
		for range listPage {
			k, v := m.next()
			if k == nil || a.f.Limit > 0 && a.given >= a.f.Limit {
				return nil
			}
			a.after = bytes.Clone(k)
			if !a.glance.MayMatch(v) {
				continue
			}
			rec, err := a.s.codec.DecodeRecord(v)
			if err != nil {
				a.s.tellUnreadable(spool.Key(k), err)
				continue
			}
			if p, ok := a.lease(spool.Key(k), &rec); ok {
				first, _ := tx.Bucket([]byte(bucketBodies)).Cursor().Seek(k)
				p.in.HasBody = rec.Message.Size == 0 && !rec.Finished() || bytes.HasPrefix(first, k)
				page = append(page, p)
				a.given++
			}
		}
		more = true
		return nil
	})
	return page, more, err
}

// lease takes those recipients of a message that are selected and not being
// sent; ok is false where none is selected. The lock of the leases is held.
func (a *acting) lease(k spool.Key, rec *spool.Record) (p acted, ok bool) {
	e := rec.Entry()
	e.Recipients = slices.Clone(e.Recipients)
	var free []int
	for i := range e.Recipients {
		r := &e.Recipients[i]
		busy := a.s.leases.covers(k, i)
		if busy && r.State == relay.Queued {
			r.State = relay.Sending
		}
		switch {
		case !a.f.MatchRecipient(*r):
		case busy:
			p.in.Sending, p.in.SendingIndex = append(p.in.Sending, *r), append(p.in.SendingIndex, i)
		default:
			free = append(free, i)
		}
	}
	if len(free)+len(p.in.Sending) == 0 || !a.f.Match(e) {
		return p, false
	}
	l := a.s.leases.take(0, k, rec, free, "")
	l.operated, l.today = true, a.s.lanes.today()
	p.key, p.in.Delivery, p.in.All = k, delivery(rec, l), e.Recipients
	p.in.Wanted = rec.Intents
	return p, true
}

// act asks for the changes and stores them.
func (s *Store) act(ctx context.Context, page []acted, change func(spool.Selected) *spool.Settlement) error {
	size, some := 0, false
	for i := range page {
		p := &page[i]
		if p.to = change(p.in); p.to != nil {
			size, some = size+1024*len(p.to.Recipients), true
		}
	}
	if !some {
		return nil
	}
	return s.do(ctx, &op{bytes: size, run: func(b *batch) (err error) {
		for i := range page {
			if p := &page[i]; p.to != nil {
				if p.written, err = b.act(p); err != nil {
					return err
				}
			}
		}
		return nil
	}})
}

func (b *batch) act(p *acted) ([]spool.Notice, error) {
	if err := b.revive(p.key); err != nil {
		return nil, err
	}
	l := b.s.leases.get(p.in.Lease)
	return b.settle(p.key, &p.in.Delivery, &l, p.to)
}

// revive brings a message of the history back into the queue, as it is: the
// settlement that follows says where it belongs.
func (b *batch) revive(k spool.Key) error {
	raw := b.history.Get(k[:])
	if raw == nil {
		return nil
	}
	raw = bytes.Clone(raw)
	rec, err := b.s.codec.DecodeRecord(raw)
	if err != nil {
		return err
	}
	at := timeKey(lastFinished(&rec), k)
	for _, drop := range []func() error{
		func() error { return b.history.Delete(k[:]) },
		func() error { return b.kept.Delete(at) },
	} {
		if err := drop(); err != nil {
			return err
		}
	}
	return b.queue.Put(k[:], raw)
}

// letGo ends the leases that were taken; those of what was stored have ended.
func (s *Store) letGo(page []acted) {
	if len(page) == 0 {
		return
	}
	ids := make([]uint64, len(page))
	for i := range page {
		ids[i] = page[i].in.Lease
	}
	s.leases.end(ids)
	s.lanes.mu.Lock()
	defer s.lanes.mu.Unlock()
	s.lanes.wakeAll()
}

// tableAfter is the routing table that a message belongs to once held or
// finished recipients of it were given their way of today: today's, unless
// others wait under an older one. A reroute is on its way to those, and sees
// to all. today is read before they are given their way: where the table
// changes meanwhile they may have it by either, and the reroute looks.
func tableAfter(before *spool.Record, today string) string {
	waits := func(r relay.Recipient) bool { return r.State == relay.Queued }
	if slices.ContainsFunc(before.Recipients, waits) {
		return before.Table
	}
	return today
}
