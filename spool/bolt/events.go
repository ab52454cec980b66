package bolt

import (
	"bytes"
	"slices"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// What happened to a message lies in its record, which changes with it anyway:
// a tree of its own would be two or three pages more in each commit. Where that
// is much, and where something is told of a message whose record stays as it
// is, it lies in the bucket of events, and so does all that comes later.

// maxTold is how many bytes of events lie in a record.
const maxTold = 2 << 10

// tell adds events to those that a record begins with, told, and gives the
// longer list. What has no room there it stores beside the record.
func (b *batch) tell(k spool.Key, told [][]byte, events []relay.Event) ([][]byte, error) {
	if first, _ := b.events.Cursor().Seek(k[:]); len(events) == 0 || bytes.HasPrefix(first, k[:]) {
		return told, b.putEvents(k, events)
	}
	size := 0
	for _, enc := range told {
		size += len(enc)
	}
	all := slices.Clip(told) // the list is shared
	for i := range events {
		enc, err := b.s.codec.EncodeEvent(&events[i])
		if err != nil {
			return nil, err
		}
		if size += len(enc); size > maxTold {
			return all, b.putEvents(k, events[i:])
		}
		all = append(all, enc)
	}
	return all, nil
}

// putEvents stores events beside the record of their message.
func (b *batch) putEvents(k spool.Key, events []relay.Event) error {
	for i := range events {
		seq, err := b.events.NextSequence()
		if err != nil {
			return err
		}
		enc, err := b.s.codec.EncodeEvent(&events[i])
		if err != nil {
			return err
		}
		if err := b.events.Put(seqKey(k, seq), enc); err != nil {
			return err
		}
	}
	return nil
}

// readEvents gives the events of a message, the oldest first.
func (s *Store) readEvents(tx *bbolt.Tx, k spool.Key, rec *spool.Record) (all []relay.Event, err error) {
	add := func(enc []byte) error {
		e, err := s.codec.DecodeEvent(enc, &rec.Message)
		all = append(all, e)
		return err
	}
	for _, enc := range rec.Told {
		if err := add(enc); err != nil {
			return nil, err
		}
	}
	c := tx.Bucket([]byte(bucketEvents)).Cursor()
	for key, enc := c.Seek(k[:]); bytes.HasPrefix(key, k[:]); key, enc = c.Next() {
		if err := add(enc); err != nil {
			return nil, err
		}
	}
	return all, nil
}
