package bolt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Accept takes a message in; see spool.Store.
func (s *Store) Accept(ctx context.Context, msg *spool.Incoming) error {
	k, err := spool.KeyOf(msg.Message.ID)
	if err != nil {
		return err
	}
	if err := s.space.check(); err != nil {
		return err
	}
	in := &intake{s: s, key: k}
	defer in.free()
	err = in.takeBody(ctx, msg.Body)
	if err == nil {
		err = in.finish(ctx, msg)
	}
	if err != nil {
		return errors.Join(err, in.abandon())
	}
	return nil
}

// intake is a message on its way in.
type intake struct {
	s      *Store
	key    spool.Key
	chunks [][]byte // filled, not stored yet
	staged int      // how many are stored
	size   int64
	sum    [32]byte
}

// takeBody reads the body to its end. What does not fit into memory is staged
// on the way.
func (in *intake) takeBody(ctx context.Context, body io.Reader) error {
	sum := sha256.New()
	for {
		if len(in.chunks) == stageChunks {
			if err := in.stage(ctx); err != nil {
				return err
			}
		}
		buf := in.s.chunks.get()
		n, err := fill(body, buf)
		in.chunks = append(in.chunks, buf[:n])
		in.size += int64(n)
		sum.Write(buf[:n])
		if err == io.EOF {
			sum.Sum(in.sum[:0])
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fill reads until buf is full. Unlike io.ReadFull it hands the reader's error
// on as it is: a body that was cut short must not look like one that ended.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var got int
		got, err = r.Read(buf[n:])
		n += got
	}
	return n, err
}

// stage stores the chunks that are in memory, under a note that they belong to
// nobody yet.
func (in *intake) stage(ctx context.Context) error {
	if err := in.s.space.check(); err != nil {
		return err
	}
	o := &op{grows: true, bytes: len(in.chunks) * chunkSize, run: func(b *batch) error {
		if in.staged == 0 {
			if err := b.mustBeFresh(in.key); err != nil {
				return decline(err)
			}
			if err := b.staged.Put(in.key[:], []byte{}); err != nil {
				return err
			}
		}
		return b.putChunks(in.key, in.staged, in.chunks)
	}}
	if err := in.s.do(ctx, o); err != nil {
		return err
	}
	in.staged += len(in.chunks)
	in.free()
	return nil
}

// finish makes the message visible.
func (in *intake) finish(ctx context.Context, msg *spool.Incoming) error {
	if len(msg.Recipients) == 0 {
		return errors.New("a message without recipients")
	}
	msg.Message.Size, msg.Message.SHA256 = in.size, in.sum
	rec := &spool.Record{Message: *msg.Message, Recipients: msg.Recipients, Table: cmp.Or(msg.Table, in.s.lanes.today())}
	var before relay.ID
	err := in.s.do(ctx, &op{grows: true, bytes: int(min(in.size, stageChunks*chunkSize)) + 1024, run: func(b *batch) (err error) {
		before, err = in.write(b, rec, msg.Events, msg.Dedupe)
		return err
	}})
	if msg.Dedupe != nil {
		msg.Dedupe.Before = before
	}
	return err
}

// write makes the message visible where it is new, and gives the one that came
// before under its key.
func (in *intake) write(b *batch, rec *spool.Record, events []relay.Event, d *spool.Dedupe) (before relay.ID, err error) {
	if in.staged == 0 {
		if err := b.mustBeFresh(in.key); err != nil {
			return "", decline(err)
		}
	}
	if d != nil {
		if before, err = b.remember(d, in.key, time.Now()); err != nil {
			return before, err
		}
	}
	chunks := in.chunks
	if n := len(chunks); len(chunks[n-1]) == 0 {
		chunks = chunks[:n-1] // the body ended with the chunk before, or is empty
	}
	return before, b.add(in.key, rec, events, in.staged, chunks)
}

// add writes a new message; the body follows what of it is staged. One of
// which nothing is left to do is given no body: nobody will read it.
func (b *batch) add(k spool.Key, rec *spool.Record, events []relay.Event, staged int, chunks [][]byte) error {
	told, err := b.tell(k, rec.Told, events)
	if err != nil {
		return err
	}
	fresh := *rec
	fresh.Told = told
	if fresh.Finished() {
		if err := b.unstage(k); err != nil {
			return err
		}
		return b.insertFinished(k, &fresh)
	}
	if staged > 0 {
		if err := b.staged.Delete(k[:]); err != nil {
			return err
		}
	}
	if err := b.putChunks(k, staged, chunks); err != nil {
		return err
	}
	return b.insert(k, &fresh)
}

// mustBeFresh refuses an id that a message has, or one on its way in: its
// chunks would be written over.
func (b *batch) mustBeFresh(k spool.Key) error {
	if b.queue.Get(k[:]) == nil && b.history.Get(k[:]) == nil && b.staged.Get(k[:]) == nil {
		return nil
	}
	return fmt.Errorf("message %s is in the spool already", k.ID())
}

// abandon removes what was staged of a message that did not come whole.
func (in *intake) abandon() error {
	if in.staged == 0 {
		return nil
	}
	// Its own context: that of the client has often ended by now.
	err := in.s.do(context.Background(), &op{run: func(b *batch) error { return b.unstage(in.key) }})
	if errors.Is(err, spool.ErrClosed) || errors.Is(err, spool.ErrFailed) {
		return nil // swept at the next start
	}
	return err
}

// unstage removes a body that belongs to nobody.
func (b *batch) unstage(k spool.Key) error {
	if b.staged.Get(k[:]) == nil {
		return nil
	}
	if err := deletePrefix(b.bodies, k[:]); err != nil {
		return err
	}
	return b.staged.Delete(k[:])
}

// free gives the buffers back.
func (in *intake) free() {
	for _, c := range in.chunks {
		in.s.chunks.put(c)
	}
	in.chunks = in.chunks[:0]
}

// sweep removes, at Open, the bodies that a crash left half staged.
func (s *Store) sweep() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := s.newBatch(tx)
		var keys []spool.Key
		err := b.staged.ForEach(func(k, _ []byte) error {
			if len(k) == keyLen {
				keys = append(keys, spool.Key(k))
			}
			return nil
		})
		for _, k := range keys {
			err = errors.Join(err, b.unstage(k))
		}
		return err
	})
}
