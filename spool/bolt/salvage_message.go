package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
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

// message saves one. An error is one of the new file.
func (w *salvage) message(k spool.Key, raw []byte, bodies, events *stream) error {
	rec, err := w.to.codec.DecodeRecord(raw)
	switch {
	case err != nil:
		w.lose(k, nil, "%v", err)
		return nil
	case rec.Message.ID != k.ID() || rec.Message.Size < 0 || len(rec.Recipients) == 0:
		w.lose(k, &rec, "its record is damaged")
		return nil
	}
	mendStates(rec.Recipients)
	rec.Table = strings.ReplaceAll(rec.Table, "\x01", "") // which ends it in the list of chains
	in := &intake{s: w.to, key: k}
	defer in.free()
	found, damage, err := in.takeSalvaged(w, &rec, bodies)
	if err != nil {
		return err
	}
	if damage != nil || !found && !rec.Finished() && rec.Message.Size > 0 {
		if err := in.abandon(); err != nil {
			return err
		}
		if !rec.Finished() {
			w.lose(k, &rec, "its body cannot be read whole")
			return nil
		}
		found = false // what happened to it is worth having all the same
		w.done.Problems.Complain("the body of %s, which is finished, is lost: %v", k.ID(), damage)
	}
	told := eventsOf(k, &rec, w.to.codec, events)
	return w.to.do(w.ctx, &op{bytes: len(raw), run: func(b *batch) error {
		if b.queue.Get(k[:]) != nil || b.history.Get(k[:]) != nil {
			return decline(b.unstage(k)) // it was found twice; this cannot be the newer one
		}
		return b.addSalvaged(in, &rec, found, told)
	}})
}

// takeSalvaged reads the body of a message; found says that there is one, and
// damage what is wrong with it.
func (in *intake) takeSalvaged(w *salvage, rec *spool.Record, bodies *stream) (found bool, damage, err error) {
	if !bodies.seek(in.key) {
		return false, nil, nil
	}
	r := &salvageReader{key: in.key, from: bodies}
	err = in.takeBody(w.ctx, r)
	switch {
	case r.err != nil && r.err != io.EOF:
		return true, r.err, nil
	case err != nil:
		return true, nil, err
	case in.size != rec.Message.Size || in.sum != rec.Message.SHA256:
		return true, relay.ErrBodyDamaged, nil
	}
	return true, nil, nil
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

// stream goes through the entries of a bucket in the order of their keys.
type stream struct {
	pull func() (k, v []byte, ok bool)
	stop func()
	k, v []byte
	ok   bool // there is an entry
}

func pull(entries iter.Seq2[[]byte, []byte]) *stream {
	s := &stream{}
	s.pull, s.stop = iter.Pull2(entries)
	s.next()
	return s
}

func (s *stream) next() bool {
	s.k, s.v, s.ok = s.pull()
	return s.ok
}

// seek goes on to the first entry of a message, and reports whether it has one.
func (s *stream) seek(k spool.Key) bool {
	for s.ok && bytes.Compare(s.k, k[:]) < 0 {
		s.next()
	}
	return s.ok && bytes.HasPrefix(s.k, k[:])
}

// drain goes to the end.
func (s *stream) drain() {
	for s.ok {
		s.next()
	}
}

// salvageReader reads the chunks of a body. Its error stays.
type salvageReader struct {
	key  spool.Key
	from *stream
	n    uint32 // of the next chunk
	rest []byte
	err  error
}

// Read implements io.Reader.
func (r *salvageReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.load()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *salvageReader) load() {
	s := r.from
	switch {
	case !s.ok || !bytes.HasPrefix(s.k, r.key[:]):
		r.err = io.EOF
	case len(s.k) != keyLen+4 || binary.BigEndian.Uint32(s.k[keyLen:]) != r.n:
		r.err = fmt.Errorf("%w: chunk %d is missing", relay.ErrBodyDamaged, r.n)
	default:
		r.rest = s.v
		r.n++
		s.next()
	}
}
