package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// numberKey orders incidents by their number.
func numberKey(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// heldKey says that an incident holds recipients of a message.
func heldKey(n int64, k spool.Key) []byte { return append(numberKey(n), k[:]...) }

// OpenIncident opens an incident; see spool.Store.
func (s *Store) OpenIncident(ctx context.Context, i relay.Incident) (as relay.Incident, opened bool, err error) {
	err = s.do(ctx, &op{bytes: 1024, run: func(b *batch) error {
		as, opened, err = b.openIncident(i)
		return err
	}})
	return as, opened, err
}

func (b *batch) openIncident(i relay.Incident) (as relay.Incident, opened bool, err error) {
	incidents, causes := b.tx.Bucket([]byte(bucketIncidents)), b.tx.Bucket([]byte(bucketCauses))
	i.Times = 1
	if key := causes.Get([]byte(i.Cause)); key != nil {
		before, err := b.s.codec.DecodeIncident(incidents.Get(key))
		if err != nil {
			return as, false, err
		}
		if before.Open() {
			return before, false, nil
		}
		i.Number, i.Times = before.Number, before.Times+1
	} else {
		seq, err := incidents.NextSequence()
		if err != nil {
			return as, false, err
		}
		i.Number = int64(seq)
		if err := causes.Put([]byte(i.Cause), numberKey(i.Number)); err != nil {
			return as, false, err
		}
	}
	return i, true, b.putIncident(&i)
}

func (b *batch) putIncident(i *relay.Incident) error {
	enc, err := b.s.codec.EncodeIncident(i)
	if err != nil {
		return err
	}
	return b.tx.Bucket([]byte(bucketIncidents)).Put(numberKey(i.Number), enc)
}

// CloseIncident closes an incident; see spool.Store.
func (s *Store) CloseIncident(ctx context.Context, number int64, by string) (closed relay.Incident, err error) {
	at := time.Now().UTC()
	err = s.do(ctx, &op{bytes: 1024, run: func(b *batch) error {
		raw := b.tx.Bucket([]byte(bucketIncidents)).Get(numberKey(number))
		if raw == nil {
			return decline(fmt.Errorf("incident %d: %w", number, spool.ErrNotFound))
		}
		i, err := s.codec.DecodeIncident(raw)
		if err != nil {
			return err
		}
		if !i.Open() {
			return decline(fmt.Errorf("incident %d is closed already: %w", number, spool.ErrNotFound))
		}
		i.ClosedAt, i.ClosedBy = at, by
		closed = i
		return b.putIncident(&i)
	}})
	return closed, err
}

// Incidents gives the incidents; see spool.Store.
func (s *Store) Incidents(_ context.Context, all bool) (found []relay.Incident, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketIncidents)).ForEach(func(_, v []byte) error {
			i, err := s.codec.DecodeIncident(v)
			if err != nil {
				return err
			}
			if all || i.Open() {
				i.Held = countHeld(tx, i.Number)
				found = append(found, i)
			}
			return nil
		})
	})
	return found, err
}

// countHeld counts the recipients that an incident holds, up to
// spool.MaxHeldCount or a little more.
func countHeld(tx *bbolt.Tx, number int64) (n int64) {
	prefix := numberKey(number)
	c := tx.Bucket([]byte(bucketHeld)).Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix) && n < spool.MaxHeldCount; k, v = c.Next() {
		if len(v) == 4 {
			n += int64(binary.BigEndian.Uint32(v))
		}
	}
	return n
}

// indexHeld changes the entries that say which incidents hold recipients of a
// message, and how many.
func (b *batch) indexHeld(k spool.Key, before, after *spool.Record) error {
	was, is := heldBy(before), heldBy(after)
	held := b.tx.Bucket([]byte(bucketHeld))
	for n := range was {
		if is[n] == 0 {
			if err := held.Delete(heldKey(n, k)); err != nil {
				return err
			}
		}
	}
	for n, count := range is {
		if was[n] != count {
			if err := held.Put(heldKey(n, k), binary.BigEndian.AppendUint32(nil, count)); err != nil {
				return err
			}
		}
	}
	return nil
}

// heldBy counts the recipients that each incident holds; nil where none does.
func heldBy(rec *spool.Record) map[int64]uint32 {
	var by map[int64]uint32
	if rec == nil {
		return nil
	}
	for i := range rec.Recipients {
		if r := &rec.Recipients[i]; r.State == relay.Held && r.Incident != 0 {
			if by == nil {
				by = make(map[int64]uint32)
			}
			by[r.Incident]++
		}
	}
	return by
}

// ReleaseIncident gives what an incident holds a new value; see spool.Store.
func (s *Store) ReleaseIncident(ctx context.Context, number int64, assign func(relay.Message, relay.Recipient) relay.Recipient) (total int, err error) {
	var after []byte // the last key that was looked at
	for {
		found, last, err := s.readHeld(number, after)
		if err != nil || last == nil {
			return total, err
		}
		n, err := s.release(ctx, number, found, assign)
		if total += n; err != nil {
			return total, err
		}
		after = last
	}
}

// ReleaseOne gives a new value to what an incident holds of one message; see
// spool.Store.
func (s *Store) ReleaseOne(ctx context.Context, number int64, nth int, assign func(relay.Message, relay.Recipient) relay.Recipient) (int, error) {
	found, _, err := s.readHeld(number, nil)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	at := nth % len(found)
	return s.release(ctx, number, found[at:at+1], assign)
}

// readHeld reads the next messages that an incident holds; last is nil at the
// end.
func (s *Store) readHeld(number int64, after []byte) (found []candidate, last []byte, err error) {
	prefix := numberKey(number)
	err = s.view(func(tx *bbolt.Tx) error {
		queue, p := tx.Bucket([]byte(bucketQueue)), seekIn(tx.Bucket([]byte(bucketHeld)), prefix, after)
		for bytes.HasPrefix(p.k, prefix) && len(found) < rerouteBatch {
			k, _ := p.take()
			last = bytes.Clone(k)
			key := spool.Key(k[len(prefix):])
			raw := bytes.Clone(queue.Get(key[:]))
			if raw == nil {
				continue
			}
			rec, err := s.codec.DecodeRecord(raw)
			if err != nil {
				s.tellUnreadable(key, err)
				continue
			}
			found = append(found, candidate{key: key, raw: raw, before: rec})
		}
		return nil
	})
	return found, last, err
}

// release assigns the held recipients of these messages anew and stores them.
// A message that has changed meanwhile is read again and tried once more.
func (s *Store) release(ctx context.Context, number int64, found []candidate, assign func(relay.Message, relay.Recipient) relay.Recipient) (n int, err error) {
	for len(found) > 0 {
		for i := range found {
			s.assignHeld(&found[i], number, assign)
		}
		var changed []candidate
		released := 0
		err := s.do(ctx, &op{bytes: len(found) * 1024, run: func(b *batch) error {
			changed, released = nil, 0
			for i := range found {
				c := &found[i]
				raw := b.queue.Get(c.key[:])
				switch {
				case raw == nil:
				case bytes.Equal(raw, c.raw):
					released += c.changed
					if err := b.replace(c.key, &c.before, &c.after); err != nil {
						return err
					}
				default:
					rec, err := s.codec.DecodeRecord(raw)
					if err != nil {
						return err
					}
					changed = append(changed, candidate{key: c.key, raw: bytes.Clone(raw), before: rec})
				}
			}
			return nil
		}})
		if err != nil {
			return n, err
		}
		n += released
		found = changed
	}
	return n, nil
}

// assignHeld fills in what a candidate shall be.
func (s *Store) assignHeld(c *candidate, number int64, assign func(relay.Message, relay.Recipient) relay.Recipient) {
	c.after = c.before
	c.after.Recipients = slices.Clone(c.before.Recipients)
	c.changed = 0
	c.after.Table = tableAfter(&c.before, s.lanes.today())
	for i := range c.after.Recipients {
		if r := &c.after.Recipients[i]; r.State == relay.Held && r.Incident == number {
			*r = assign(c.before.Message, *r)
			c.changed++
		}
	}
	relay.MergeRedirected(c.after.Recipients, c.before.Recipients, time.Now().UTC())
}
