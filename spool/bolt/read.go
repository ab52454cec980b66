package bolt

import (
	"bytes"
	"context"
	"slices"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// What one read transaction of List takes at most: messages that it decodes,
// and messages that it looks at.
const (
	listPage   = 256
	glancePage = 16 << 10
)

// Get reads one message; see spool.Store.
func (s *Store) Get(ctx context.Context, id relay.ID) (e spool.Entry, err error) {
	k, err := spool.KeyOf(id)
	if err != nil {
		return e, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		raw := tx.Bucket([]byte(bucketQueue)).Get(k[:])
		if raw == nil {
			raw = tx.Bucket([]byte(bucketHistory)).Get(k[:])
		}
		if raw == nil {
			return spool.ErrNotFound
		}
		rec, err := s.codec.DecodeRecord(raw)
		if err != nil {
			return err
		}
		e.Message, e.Recipients = rec.Message, rec.Recipients
		if e.Events, err = s.readEvents(tx, k, &rec); err != nil {
			return err
		}
		first, _ := tx.Bucket([]byte(bucketBodies)).Cursor().Seek(k[:])
		e.HasBody = bytes.HasPrefix(first, k[:])
		return nil
	})
	if err != nil {
		return spool.Entry{}, err
	}
	s.leases.overlay(k, e.Recipients)
	return e, nil
}

// List calls fn for the messages that f selects; see spool.Store.
func (s *Store) List(ctx context.Context, f spool.Filter, fn func(spool.Entry) error) error {
	var after []byte
	given, glance := 0, spool.NewGlance(f)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, last, err := s.readPage(after, f, &glance)
		if err != nil {
			return err
		}
		for i := range page {
			e := spool.Entry{Message: page[i].Message, Recipients: page[i].Recipients}
			if k, err := spool.KeyOf(e.Message.ID); err == nil {
				s.leases.overlay(k, e.Recipients)
			}
			if !f.Match(e) {
				continue
			}
			if err := fn(e); err != nil {
				return err
			}
			if given++; f.Limit > 0 && given >= f.Limit {
				return nil
			}
		}
		if last == nil {
			return nil
		}
		after = last
	}
}

// readPage reads the next messages after an id, oldest first, those of the
// history among them where f asks for them, but for those that a glance turns
// away; last is nil at the end.
func (s *Store) readPage(after []byte, f spool.Filter, glance *spool.Glance) (page []spool.Record, last []byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		m := inOrder(tx, after, f)
		var at []byte // as long as the transaction
		for seen := 0; len(page) < listPage && seen < glancePage; seen++ {
			k, v := m.next()
			if k == nil {
				return nil
			}
			at = k
			if !glance.MayMatch(v) {
				continue
			}
			rec, err := s.codec.DecodeRecord(v)
			if err != nil {
				s.tellUnreadable(spool.Key(k), err)
				continue
			}
			page = append(page, rec)
		}
		last = bytes.Clone(at)
		return nil
	})
	return page, last, err
}

// position is a cursor and where it stands.
type position struct {
	c    *bbolt.Cursor
	k, v []byte
}

// seekAfter is where a bucket goes on after a key, or begins.
func seekAfter(b *bbolt.Bucket, after []byte) position { return seekIn(b, nil, after) }

// seekIn is seekAfter for what begins with prefix; whether that is so still is
// for the caller to look at.
func seekIn(b *bbolt.Bucket, prefix, after []byte) position {
	p := position{c: b.Cursor()}
	if after == nil {
		p.k, p.v = p.c.Seek(prefix)
		return p
	}
	if p.k, p.v = p.c.Seek(after); bytes.Equal(p.k, after) {
		p.k, p.v = p.c.Next()
	}
	return p
}

func (p *position) take() (k, v []byte) {
	k, v = p.k, p.v
	p.k, p.v = p.c.Next()
	return k, v
}

// merge gives the entries of two buckets in the order of their keys: all of
// them, or those with certain keys.
type merge struct {
	a, b position

	named bool
	keys  [][]byte // sorted
}

// inOrder gives the messages after an id among which those are that f selects.
func inOrder(tx *bbolt.Tx, after []byte, f spool.Filter) *merge {
	m := merge{a: seekAfter(tx.Bucket([]byte(bucketQueue)), after)}
	if f.History() {
		m.b = seekAfter(tx.Bucket([]byte(bucketHistory)), after)
	}
	if m.named = len(f.IDs) > 0; m.named {
		for _, id := range f.IDs {
			if k, err := spool.KeyOf(id); err == nil && bytes.Compare(k[:], after) > 0 {
				m.keys = append(m.keys, k[:])
			}
		}
		slices.SortFunc(m.keys, bytes.Compare)
		m.keys = slices.CompactFunc(m.keys, bytes.Equal)
	}
	return &m
}

// next gives the next entry, nil at the end.
func (m *merge) next() (k, v []byte) {
	if !m.named {
		return m.nextOfAll()
	}
	for len(m.keys) > 0 {
		k, m.keys = m.keys[0], m.keys[1:]
		for _, p := range []position{m.a, m.b} {
			if p.c == nil {
				continue
			}
			if found, v := p.c.Seek(k); bytes.Equal(found, k) {
				return found, v
			}
		}
	}
	return nil, nil
}

func (m *merge) nextOfAll() (k, v []byte) {
	switch {
	case m.a.k == nil && m.b.k == nil:
		return nil, nil
	case m.b.k == nil, m.a.k != nil && bytes.Compare(m.a.k, m.b.k) < 0:
		return m.a.take()
	}
	return m.b.take()
}

// Stats counts what is in the store; see spool.Store.
func (s *Store) Stats(context.Context) (spool.Stats, error) {
	counts := s.counts.get()
	s.leases.sending(&counts)
	st := spool.Stats{
		Messages: counts.Messages, History: counts.History, BodyBytes: counts.BodyBytes,
		Recipients: counts.Table(), PageSize: s.db.Info().PageSize,
	}
	err := s.view(func(tx *bbolt.Tx) error {
		if k, v := tx.Bucket([]byte(bucketQueue)).Cursor().First(); k != nil {
			if rec, err := s.codec.DecodeRecord(v); err == nil {
				st.Oldest = rec.Message.ReceivedAt
			}
		}
		st.UsedBytes = tx.Size()
		return nil
	})
	if err != nil {
		return spool.Stats{}, err
	}
	if st.FreePages, err = s.countFree(); err != nil {
		return spool.Stats{}, err
	}
	st.UsedBytes -= st.FreePages * int64(st.PageSize)
	st.FileBytes, err = fileSize(s.opt.Path)
	return st, err
}
