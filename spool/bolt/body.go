package bolt

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// chunkPool keeps the buffers through which bodies go in and out.
type chunkPool struct{ pool sync.Pool }

func (p *chunkPool) get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, chunkSize)
}

func (p *chunkPool) put(b []byte) {
	b = b[:cap(b)]
	p.pool.Put(&b)
}

// putChunks stores consecutive chunks, the first with the number n.
func (b *batch) putChunks(k spool.Key, n int, chunks [][]byte) error {
	for i, c := range chunks {
		if err := b.bodies.Put(chunkKey(k, n+i), c); err != nil {
			return err
		}
	}
	return nil
}

// deleteBody removes the chunks of a body of this size.
func (b *batch) deleteBody(k spool.Key, size int64) error {
	for n := 0; int64(n)*chunkSize < size; n++ {
		if err := b.bodies.Delete(chunkKey(k, n)); err != nil {
			return err
		}
	}
	return nil
}

// deletePrefix removes every key that begins with prefix.
func deletePrefix(bucket *bbolt.Bucket, prefix []byte) error {
	c := bucket.Cursor()
	for key, _ := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// body is the stored content of a message.
type body struct {
	s *Store
	m relay.Message
}

// Body gives access to the body of a message; see spool.Store.
func (s *Store) Body(m relay.Message) relay.Body { return &body{s: s, m: m} }

func (b *body) Size() int64 { return b.m.Size }

func (b *body) Open() (io.ReadCloser, error) {
	k, err := spool.KeyOf(b.m.ID)
	if err != nil {
		return nil, err
	}
	r := &bodyReader{s: b.s, key: k, left: b.m.Size, want: b.m.SHA256, sum: sha256.New(), buf: b.s.chunks.get()}
	if r.err = r.load(); r.err != nil && r.err != io.EOF {
		return nil, errors.Join(r.err, r.Close())
	}
	return r, nil
}

// bodyReader reads chunk by chunk, each in a transaction of its own, so that
// none stays open while a network is waited for.
type bodyReader struct {
	s    *Store
	key  spool.Key
	next int    // number of the chunk to load
	buf  []byte // pooled; nil once closed
	rest []byte // of buf, not read yet
	left int64  // bytes that have not been loaded yet
	want [32]byte
	sum  hash.Hash
	err  error
}

// load reads the next chunk into buf. After the last one it compares size and
// checksum.
func (r *bodyReader) load() error {
	if r.buf == nil {
		return errors.New("read of a closed body")
	}
	if r.left <= 0 {
		var got [32]byte
		if r.sum.Sum(got[:0]); got != r.want {
			return fmt.Errorf("%w: its checksum differs", relay.ErrBodyDamaged)
		}
		return io.EOF
	}
	n := -1
	err := r.s.view(func(tx *bbolt.Tx) error {
		if v := tx.Bucket([]byte(bucketBodies)).Get(chunkKey(r.key, r.next)); v != nil && len(v) <= len(r.buf) {
			n = copy(r.buf, v)
		}
		return nil
	})
	switch {
	case errors.Is(err, errDamage):
		return fmt.Errorf("%w: %w", relay.ErrBodyDamaged, err)
	case err != nil:
		return err
	case n < 0 && r.next == 0:
		return fmt.Errorf("body of %s: %w", r.key.ID(), spool.ErrNotFound)
	case n <= 0 || int64(n) > r.left:
		return fmt.Errorf("%w: chunk %d is missing or has the wrong size", relay.ErrBodyDamaged, r.next)
	}
	r.next++
	r.left -= int64(n)
	r.rest = r.buf[:n]
	r.sum.Write(r.rest)
	return nil
}

func (r *bodyReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err == nil {
			r.err = r.load()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo spares io.Copy a buffer.
func (r *bodyReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		if len(r.rest) > 0 {
			n, err := w.Write(r.rest)
			total += int64(n)
			r.rest = r.rest[n:]
			if err != nil {
				return total, err
			}
		}
		if r.err == nil {
			r.err = r.load()
		}
		if r.err == io.EOF {
			return total, nil
		}
		if r.err != nil {
			return total, r.err
		}
	}
}

func (r *bodyReader) Close() error {
	if r.buf != nil {
		r.s.chunks.put(r.buf)
		r.buf, r.rest = nil, nil
	}
	return nil
}
