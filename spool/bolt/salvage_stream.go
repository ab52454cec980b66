package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"relaykeep/relay"
	"relaykeep/spool"
)

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
	key    spool.Key
	from   *stream
	orphan func(n uint32) []byte // a chunk that from has not; nil: nobody has
	n      uint32                // of the next chunk
	rest   []byte
	err    error
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
	more := s.ok && bytes.HasPrefix(s.k, r.key[:])
	if more && len(s.k) == keyLen+4 && binary.BigEndian.Uint32(s.k[keyLen:]) == r.n {
		r.rest = s.v
		s.next()
	} else if r.rest = r.orphan(r.n); r.rest == nil {
		r.err = io.EOF // where it is too early, the size tells
		if more {
			r.err = fmt.Errorf("%w: chunk %d is missing", relay.ErrBodyDamaged, r.n)
		}
	}
	r.n++
}
