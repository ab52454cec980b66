package bolt

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Claim leases what is due for a lane; see spool.Store.
func (s *Store) Claim(ctx context.Context, lane string, limit spool.Limit) ([]spool.Delivery, time.Time, error) {
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	if err := s.Err(); err != nil {
		return nil, time.Time{}, err
	}
	chains := s.lanes.ownedBy(lane)
	if len(chains) == 0 {
		return nil, time.Time{}, nil
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	c := claim{s: s, lane: lane, limit: limit, now: time.Now()}
	err := s.view(func(tx *bbolt.Tx) error {
		c.queue = tx.Bucket([]byte(bucketQueue))
		c.due = tx.Bucket([]byte(bucketDue)).Cursor()
		// Each claim begins with another chain, so that none that always has
		// more than a lane can take starves the others.
		first := rand.IntN(len(chains))
		for _, priority := range claimOrder(s.leases.turn(lane)) {
			for i := range chains {
				if c.full() {
					return nil
				}
				c.scan(chains[(first+i)%len(chains)], priority)
			}
		}
		return nil
	})
	if err != nil && len(c.taken) > 0 { // what was leased before the damage goes; the next claim tells of it
		return c.taken, c.now, nil
	}
	return c.taken, c.next, err
}

// claimOrder gives the priorities in the order in which a claim asks for them:
// the highest first, but for one claim in starveTurns, so that low priority is
// served, too, while more of a higher one comes than a lane can take.
func claimOrder(turn uint64) [priorities]byte {
	if turn%starveTurns == 0 {
		return [priorities]byte{2, 1, 0}
	}
	return [priorities]byte{0, 1, 2}
}

// claim is one run through the due index, under the lock of the leases.
type claim struct {
	s     *Store
	lane  string
	limit spool.Limit
	now   time.Time
	queue *bbolt.Bucket
	due   *bbolt.Cursor
	taken []spool.Delivery
	next  time.Time
}

func (c *claim) full() bool { return len(c.taken) >= c.limit.Messages }

// scan takes from one chain and priority, the longest due first. What is
// leased is passed over: no more than the lanes can have in flight.
func (c *claim) scan(ch *chain, priority byte) {
	prefix := duePrefix(ch.id, priority)
	for k, _ := c.due.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.due.Next() {
		at, key, ok := splitDueKey(k)
		if !ok {
			continue
		}
		if at.After(c.now) {
			if c.next.IsZero() || at.Before(c.next) {
				c.next = at
			}
			return
		}
		c.takeAll(ch, priority, key)
		if c.full() {
			return
		}
	}
}

// takeAll leases the recipients of a message that are due in this line, in as
// many deliveries as the limit makes of them.
func (c *claim) takeAll(ch *chain, priority byte, key spool.Key) {
	raw := c.queue.Get(key[:])
	if raw == nil {
		return
	}
	rec := c.s.leases.known(key, raw)
	if rec == nil {
		fresh, err := c.s.codec.DecodeRecord(raw)
		if err != nil {
			c.s.tellUnreadable(key, err)
			return
		}
		rec = &fresh
	}
	var free []int
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if r.State == relay.Queued && priorityByte(r.Priority) == priority && !r.NextAttempt.After(c.now) &&
			spool.Chain(r) == ch.name && !c.s.leases.covers(key, i) {
			free = append(free, i)
		}
	}
	if len(free) > 0 {
		raw = bytes.Clone(raw)
	}
	for len(free) > 0 && !c.full() {
		var first []int
		first, free = c.limit.Cut(rec.Recipients, free)
		l := c.s.leases.take(0, key, rec, first, c.lane)
		l.raw, l.rec = raw, rec
		c.taken = append(c.taken, delivery(rec, l))
	}
}

// delivery is what a lease hands out.
func delivery(rec *spool.Record, l *lease) spool.Delivery {
	d := spool.Delivery{
		Message: rec.Message, Recipients: make([]relay.Recipient, len(l.index)),
		Index: l.index, Lane: l.lane, Lease: l.id, Signatures: slices.Clip(rec.Signatures),
		Others: len(l.index) < len(rec.Recipients), Intents: rec.IntentsOf(l.index),
	}
	for n, i := range l.index {
		d.Recipients[n] = rec.Recipients[i]
		d.Attempt = max(d.Attempt, rec.Recipients[i].Attempts+1)
	}
	return d
}

// Release gives a lease back; see spool.Store.
func (s *Store) Release(d *spool.Delivery) {
	s.leases.end([]uint64{d.Lease})
	s.lanes.mu.Lock()
	defer s.lanes.mu.Unlock()
	s.lanes.wakeAll()
}
