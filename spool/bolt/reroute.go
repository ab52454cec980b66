package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

const (
	rerouteBatch = 256                    // how many messages one transaction reroutes
	reroutePause = 200 * time.Millisecond // before what is being sent is looked at again
)

// rerouting is one run of Reroute.
type rerouting struct {
	s      *Store
	assign func(relay.Message, []relay.Recipient) ([]relay.Recipient, []relay.Event)
	stored func([]relay.Event) // nil: nobody wants to know
	total  int
	stuck  map[uint32]bool // chains in which something cannot be read
}

// candidate is a message to be rerouted: as it was read, and as it shall be.
type candidate struct {
	key    spool.Key
	raw    []byte
	before spool.Record
	after  spool.Record
	events []relay.Event // what there is to tell of that

	changed int // how many recipients are given another value: see release
}

// Reroute assigns anew what was queued under another routing table; see
// spool.Store. What is being sent meanwhile is waited for, after all else. What
// cannot be read is left alone.
func (s *Store) Reroute(ctx context.Context, assign func(relay.Message, []relay.Recipient) ([]relay.Recipient, []relay.Event), stored func([]relay.Event)) (int, error) {
	r := rerouting{s: s, assign: assign, stored: stored, stuck: make(map[uint32]bool)}
	for {
		chains := slices.DeleteFunc(s.lanes.stale(), func(ch *chain) bool { return r.stuck[ch.id] })
		if len(chains) == 0 {
			return r.total, nil
		}
		busy := false
		for _, ch := range chains {
			gone, err := r.chain(ctx, ch)
			if err != nil {
				return r.total, fmt.Errorf("reroute: %w", err)
			}
			busy = busy || !gone
		}
		if busy {
			if err := pause(ctx, s.closing, reroutePause); err != nil {
				return r.total, fmt.Errorf("reroute: %w", err)
			}
		}
	}
}

// chain goes through a chain once; gone is true where nothing is left in it.
func (r *rerouting) chain(ctx context.Context, ch *chain) (gone bool, err error) {
	var after []byte
	for {
		found, last, err := r.read(ch, after)
		if err != nil {
			return false, err
		}
		if last == nil {
			return r.s.forgetChain(ctx, ch)
		}
		after = last
		found = slices.DeleteFunc(found, func(c candidate) bool { return r.s.leases.any(c.key) })
		today := r.s.lanes.today() // before assign is asked: see UseTable
		for i := range found {
			c := &found[i]
			c.after = c.before
			c.after.Table = today
			c.after.Recipients, c.events = r.assign(c.before.Message, slices.Clone(c.before.Recipients))
		}
		n, told, err := r.s.writeRerouted(ctx, found)
		if err != nil {
			return false, err
		}
		r.total += n
		if r.stored != nil && len(told) > 0 {
			r.stored(told)
		}
	}
}

// read gives the next messages of a chain after a due key, each once; last is
// nil at the end. It does not ask for leases: a claim holds their lock while it
// waits for its transaction, which may have to wait for this one.
func (r *rerouting) read(ch *chain, after []byte) (found []candidate, last []byte, err error) {
	prefix := duePrefix(ch.id, 0)[:4]
	seen := make(map[spool.Key]bool)
	err = r.s.view(func(tx *bbolt.Tx) error {
		queue, p := tx.Bucket([]byte(bucketQueue)), seekIn(tx.Bucket([]byte(bucketDue)), prefix, after)
		for bytes.HasPrefix(p.k, prefix) && len(found) < rerouteBatch {
			k, _ := p.take()
			last = bytes.Clone(k)
			_, key, ok := splitDueKey(k)
			if seen[key] {
				continue
			}
			seen[key] = true
			raw := bytes.Clone(queue.Get(key[:]))
			rec, err := r.s.codec.DecodeRecord(raw)
			switch {
			case !ok:
				err = errors.New("an entry of the due index cannot be read")
			case err == nil && rec.Table != ch.table:
				err = errors.New("its entry in the due index is of another routing table")
			}
			if err != nil {
				r.s.tellUnreadable(key, err)
				r.stuck[ch.id] = true
				continue
			}
			found = append(found, candidate{key: key, raw: raw, before: rec})
		}
		return nil
	})
	return found, last, err
}

// writeRerouted stores what was assigned anew, where nobody has changed or
// leased the message since it was read: an old table's chain belongs to no
// lane, so that can only be an operator, the expiry, or what was being sent and
// has come back. It gives the number of messages that it stored, and their
// events.
func (s *Store) writeRerouted(ctx context.Context, found []candidate) (n int, told []relay.Event, err error) {
	if len(found) == 0 {
		return 0, nil, nil
	}
	err = s.do(ctx, &op{bytes: len(found) * 1024, run: func(b *batch) error {
		n, told = 0, nil
		for i := range found {
			c := &found[i]
			if !bytes.Equal(b.queue.Get(c.key[:]), c.raw) || s.leases.any(c.key) {
				continue
			}
			if err := b.replace(c.key, &c.before, &c.after); err != nil {
				return err
			}
			if err := b.putEvents(c.key, c.events); err != nil {
				return err
			}
			n++
			told = append(told, c.events...)
		}
		return nil
	}})
	return n, told, err
}

// errInUse declines to forget a chain in which something waits.
var errInUse = errors.New("the chain is in use")

// forgetChain removes an old chain; gone is false where something waits in it.
func (s *Store) forgetChain(ctx context.Context, ch *chain) (gone bool, err error) {
	key := duePrefix(ch.id, 0)[:4]
	waits := false
	if err := s.view(func(tx *bbolt.Tx) error {
		k, _ := tx.Bucket([]byte(bucketDue)).Cursor().Seek(key)
		waits = bytes.HasPrefix(k, key)
		return nil
	}); err != nil || waits {
		return false, err // no transaction is spent on what is being sent
	}
	err = s.do(ctx, &op{run: func(b *batch) error {
		if k, _ := b.due.Cursor().Seek(key); bytes.HasPrefix(k, key) {
			return decline(errInUse)
		}
		b.gone = append(b.gone, ch)
		return b.tx.Bucket([]byte(bucketChains)).Delete(key)
	}})
	if errors.Is(err, errInUse) {
		return false, nil
	}
	return err == nil, err
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
