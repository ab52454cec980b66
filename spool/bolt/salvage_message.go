package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/bolt/pages"
)

// messages saves those of the queue, or of the history. Records, bodies and
// events come in the same order, and are read side by side. problem is told of damage in the latter two.
func (w *salvage) messages(bucket string, problem func(pages.Problem)) error {
	bodies := pull(w.from.Bucket(bucketBodies, problem))
	defer bodies.stop()
	events := pull(w.from.Bucket(bucketEvents, problem))
	defer events.stop()
	for k, raw := range w.from.Bucket(bucket, w.problem) {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if len(k) != keyLen {
			continue
		}
		if err := w.message(spool.Key(k), raw, bodies, events); err != nil {
			return err
		}
	}
	bodies.drain() // the damage behind the last message is damage, too
	events.drain()
	return nil
}

// message saves one that a tree gave. An error is one of the new file.
func (w *salvage) message(k spool.Key, raw []byte, bodies, events *stream) error {
	rec, err := w.decode(k, raw)
	if err != nil {
		if len(w.orphans.recordsOf(k)) > 0 {
			w.missed[k] = true // another version may do
			return nil
		}
		w.lose(k, &rec, "%v", err)
		return nil
	}
	_, err = w.save(k, &rec, nil, bodies, events)
	return err
}

// decode reads a record, and mends what would be in the way of the store.
func (w *salvage) decode(k spool.Key, raw []byte) (spool.Record, error) {
	rec, err := w.to.codec.DecodeRecord(raw)
	if err != nil {
		return rec, err
	}
	if rec.Message.ID != k.ID() || rec.Message.Size < 0 || len(rec.Recipients) == 0 {
		return rec, errors.New("its record is damaged")
	}
	mendStates(rec.Recipients)
	rec.Told = slices.DeleteFunc(rec.Told, func(enc []byte) bool {
		_, err := w.to.codec.DecodeEvent(enc, &rec.Message)
		return err != nil
	})
	rec.Table = strings.ReplaceAll(rec.Table, "\x01", "") // which ends it in the list of chains
	return rec, nil
}

// save writes a message with its body, what of its events can be read, and those
// of its being held; ok is false where it could not be saved.
func (w *salvage) save(k spool.Key, rec *spool.Record, held []relay.Event, bodies, events *stream) (ok bool, err error) {
	in, found, damage, err := w.body(k, rec, bodies)
	if err != nil {
		return false, err
	}
	defer in.free()
	if damage != nil || !found && !rec.Finished() && rec.Message.Size > 0 {
		if err := in.abandon(); err != nil {
			return false, err
		}
		if !rec.Finished() {
			w.lose(k, rec, "its body cannot be read whole")
			return false, nil
		}
		found = false // what happened to it is worth having all the same
		w.done.Problems.Complain("the body of %s, which is finished, is lost: %v", k.ID(), damage)
	}
	told := eventsOf(k, rec, w.to.codec, events)
	return true, w.to.do(w.ctx, &op{bytes: 1024 + 256*len(rec.Recipients), run: func(b *batch) error {
		if b.queue.Get(k[:]) != nil || b.history.Get(k[:]) != nil {
			return decline(b.unstage(k)) // it was found twice; this cannot be the newer one
		}
		if err := b.addSalvaged(in, rec, found, told); err != nil {
			return err
		}
		return b.putEvents(k, held)
	}})
}

// body takes the body of a message in; found says that there is one, and damage
// what is wrong with it. Chunks that the tree lacks are taken from orphans, while
// the message is unfinished: the body of a finished one was removed.
func (w *salvage) body(k spool.Key, rec *spool.Record, bodies *stream) (in *intake, found bool, damage, err error) {
	var chunks []ref
	if !rec.Finished() {
		chunks = w.orphans.chunksOf(k)
	}
	in = &intake{s: w.to, key: k}
	if !bodies.seek(k) && len(chunks) == 0 {
		return in, false, nil, nil
	}
	for turn := range versions(chunks) {
		if turn > 0 {
			if err := in.abandon(); err != nil {
				return in, true, nil, err
			}
			in.free()
			in = &intake{s: w.to, key: k}
			bodies = pull(w.from.Prefix(bucketBodies, k[:]))
			defer bodies.stop()
		}
		r := &salvageReader{key: k, from: bodies, orphan: w.orphans.reader(chunks, turn)}
		if damage, err = in.takeSalvaged(w.ctx, r, rec); damage == nil || err != nil {
			break
		}
	}
	return in, true, damage, err
}

// takeSalvaged reads a body, and compares it with what its message says.
func (in *intake) takeSalvaged(ctx context.Context, r *salvageReader, rec *spool.Record) (damage, err error) {
	err = in.takeBody(ctx, r)
	switch {
	case r.err != nil && r.err != io.EOF:
		return r.err, nil
	case err != nil:
		return nil, err
	case in.size != rec.Message.Size || in.sum != rec.Message.SHA256:
		return relay.ErrBodyDamaged, nil
	}
	return nil, nil
}

// addSalvaged writes a message with its events, and its body where there is one.
func (b *batch) addSalvaged(in *intake, rec *spool.Record, body bool, events []rawEvent) error {
	for _, e := range events {
		if err := b.events.Put(e.key, e.value); err != nil {
			return err
		}
		if err := b.events.SetSequence(max(b.events.Sequence(), e.seq)); err != nil {
			return err
		}
	}
	if err := b.staged.Delete(in.key[:]); err != nil {
		return err
	}
	if body {
		chunks := in.chunks
		if n := len(chunks); n > 0 && len(chunks[n-1]) == 0 {
			chunks = chunks[:n-1]
		}
		if err := b.putChunks(in.key, in.staged, chunks); err != nil {
			return err
		}
	}
	if !rec.Finished() {
		return b.insert(in.key, rec)
	}
	if body {
		if err := b.kept.Put(timeKey(lastFinished(rec), in.key), nil); err != nil {
			return err
		}
	}
	return b.insertFinished(in.key, rec)
}

// mendStates holds recipients whose state makes no sense.
func mendStates(to []relay.Recipient) {
	for i := range to {
		r := &to[i]
		if r.State > relay.Deleted || r.State == relay.Sending || r.State == relay.Queued && len(r.Eligible) == 0 {
			r.State, r.HoldReason, r.Incident = relay.Held, "its state in the damaged spool made no sense", 0
		}
	}
}

// rawEvent is a stored event.
type rawEvent struct {
	key, value []byte
	seq        uint64
}

// eventsOf gives the events of a message that can be read.
func eventsOf(k spool.Key, rec *spool.Record, codec *spool.Codec, events *stream) (all []rawEvent) {
	for ok := events.seek(k); ok; ok = events.next() && bytes.HasPrefix(events.k, k[:]) {
		if len(events.k) != keyLen+8 {
			continue
		}
		if _, err := codec.DecodeEvent(events.v, &rec.Message); err == nil {
			all = append(all, rawEvent{events.k, events.v, binary.BigEndian.Uint64(events.k[keyLen:])})
		}
	}
	return all
}
