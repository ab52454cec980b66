package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// rerouteBatch bounds how many messages one transaction reroutes.
const rerouteBatch = 256

// candidate is a message to be rerouted: as it was read, and as it shall be.
type candidate struct {
	key    spool.Key
	raw    []byte
	before spool.Record
	after  spool.Record
}

// Reroute assigns anew what was queued under another routing table; see
// spool.Store. What is being sent meanwhile is waited for.
func (s *Store) Reroute(ctx context.Context, assign func(relay.Message, []relay.Recipient) []relay.Recipient) (int, error) {
	total := 0
	for _, ch := range s.lanes.stale() {
		n, err := s.rerouteChain(ctx, ch, assign)
		total += n
		if err != nil {
			return total, fmt.Errorf("reroute: %w", err)
		}
	}
	return total, nil
}

func (s *Store) rerouteChain(ctx context.Context, ch *chain, assign func(relay.Message, []relay.Recipient) []relay.Recipient) (total int, err error) {
	var after []byte // the last due key that was looked at
	busy := false    // something was passed over because it is being sent
	for {
		found, last, passed, err := s.readStale(ch, after)
		if err != nil {
			return total, err
		}
		busy = busy || passed
		if last == nil {
			if !busy {
				return total, s.forgetChain(ctx, ch)
			}
			// From the start again, when the attempts under way have ended.
			after, busy = nil, false
			if err := pause(ctx, s.closing, 200*time.Millisecond); err != nil {
				return total, err
			}
			continue
		}
		after = last
		for i := range found {
			c := &found[i]
			c.after = c.before
			c.after.Recipients = assign(c.before.Message, append([]relay.Recipient(nil), c.before.Recipients...))
		}
		if err := s.writeRerouted(ctx, found); err != nil {
			return total, err
		}
		total += len(found)
	}
}

// readStale reads the next messages of a chain after a due key; last is nil at
// the end.
func (s *Store) readStale(ch *chain, after []byte) (found []candidate, last []byte, busy bool, err error) {
	prefix := duePrefix(ch.id, 0)[:4]
	err = s.view(func(tx *bbolt.Tx) error {
		queue, c := tx.Bucket([]byte(bucketQueue)), tx.Bucket([]byte(bucketDue)).Cursor()
		k, _ := c.Seek(prefix)
		if after != nil {
			if k, _ = c.Seek(after); bytes.Equal(k, after) {
				k, _ = c.Next()
			}
		}
		for ; bytes.HasPrefix(k, prefix) && len(found) < rerouteBatch; k, _ = c.Next() {
			last = bytes.Clone(k)
			_, key, ok := splitDueKey(k)
			if !ok {
				continue
			}
			if s.leases.any(key) {
				busy = true
				continue
			}
			raw := bytes.Clone(queue.Get(key[:]))
			rec, err := s.codec.DecodeRecord(raw)
			if err != nil {
				return err
			}
			if rec.Table == ch.table {
				found = append(found, candidate{key: key, raw: raw, before: rec})
			}
		}
		return nil
	})
	return found, last, busy, err
}

// writeRerouted stores what was assigned anew, where nobody has changed or
// leased the message since it was read: an old table's chain belongs to no
// lane, so that can only be an operator or the expiry.
func (s *Store) writeRerouted(ctx context.Context, found []candidate) error {
	return s.do(ctx, &op{bytes: len(found) * 1024, run: func(b *batch) error {
		for i := range found {
			c := &found[i]
			if !bytes.Equal(b.queue.Get(c.key[:]), c.raw) || s.leases.any(c.key) {
				continue
			}
			after := c.after
			after.Table = s.lanes.today()
			if err := b.replace(c.key, &c.before, &after); err != nil {
				return err
			}
		}
		return nil
	}})
}

// forgetChain removes an old chain that nothing waits in any more.
func (s *Store) forgetChain(ctx context.Context, ch *chain) error {
	prefix := duePrefix(ch.id, 0)[:4]
	forgotten := false
	err := s.do(ctx, &op{run: func(b *batch) error {
		k, _ := b.due.Cursor().Seek(prefix)
		forgotten = !bytes.HasPrefix(k, prefix)
		if !forgotten {
			return nil
		}
		return b.tx.Bucket([]byte(bucketChains)).Delete(prefix)
	}})
	if err == nil && forgotten {
		s.lanes.forget(ch)
	}
	return err
}

// forget drops a chain from memory, unless its table is today's again.
func (t *laneTable) forget(c *chain) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, c.id)
	delete(t.byName, chainName{c.table, c.name})
}

// pause waits a moment, less where ctx or the store ends.
func pause(ctx context.Context, closing <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-closing:
		return spool.ErrClosed
	}
}
