package spooltest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// remembered is what came under a key.
type remembered struct {
	id     relay.ID
	digest [32]byte
	until  time.Time
}

// Accept takes a message in; see spool.Store.
func (s *Memory) Accept(ctx context.Context, in *spool.Incoming) error {
	if _, err := spool.KeyOf(in.Message.ID); err != nil {
		return err
	}
	content, err := io.ReadAll(in.Body)
	if err != nil {
		return err
	}
	if len(in.Recipients) == 0 {
		return errors.New("a message without recipients")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return spool.ErrClosed
	}
	if err := s.mustBeFresh(in.Message.ID); err != nil {
		return err
	}
	if err := s.remember(in.Dedupe, in.Message.ID); err != nil {
		return err
	}
	s.add(in.Message, in.Recipients, in.Table, in.Events, content)
	return nil
}

func (s *Memory) mustBeFresh(id relay.ID) error {
	if s.messages[id] != nil {
		return fmt.Errorf("message %s is in the spool already", id)
	}
	return nil
}

// remember notes the key of a new message, and refuses a duplicate.
func (s *Memory) remember(d *spool.Dedupe, id relay.ID) error {
	if d == nil {
		return nil
	}
	if old, known := s.keys[d.Key]; known && time.Now().Before(old.until) {
		d.Before = old.id
		if old.digest == d.Digest {
			return spool.ErrDuplicate
		}
	}
	s.keys[d.Key] = remembered{id: id, digest: d.Digest, until: d.Until}
	return nil
}

// add keeps a message.
func (s *Memory) add(m *relay.Message, to []relay.Recipient, table string, events []relay.Event, body []byte) {
	m.Size, m.SHA256 = int64(len(body)), sha256.Sum256(body)
	e := &entry{
		rec:    spool.Record{Message: *m, Recipients: slices.Clone(to), Table: cmp.Or(table, s.table)},
		body:   body,
		events: slices.Clone(events),
		marks:  make(map[uint64]mark),
	}
	for i := range e.events { // what stores take from the message
		v := &e.events[i]
		v.Message, v.MessageID, v.Listener, v.Client = m.ID, m.MessageID, m.Listener, m.Client
		v.User, v.From, v.Size, v.Others = m.User, m.From, m.Size, 0
	}
	if e.rec.Finished() {
		e.body = nil
	}
	s.messages[m.ID] = e
	if e.rec.Table != s.table {
		s.tellLate()
	}
	s.wakeAll()
}
