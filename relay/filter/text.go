package filter

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// text is what was written to it, for any number of reads: in memory, or in a
// file. It is not safe for concurrent use; its readers are.
type text struct {
	room   *Room
	limit  int64 // of size; 0: none
	chunks [][]byte
	file   *os.File // nil: all is in chunks
	size   int64
	err    error // of the first write that failed
}

// errLong: a text is over its limit.
var errLong = errors.New("the text is too long")

// Write implements io.Writer. Its errors match ErrFull where the disk is full,
// and errLong.
func (t *text) Write(p []byte) (int, error) {
	if t.err == nil && t.limit > 0 && t.size+int64(len(p)) > t.limit {
		t.err = errLong
	}
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.write(p)
	t.size += int64(n)
	t.err = full(err)
	return n, t.err
}

func (t *text) write(p []byte) (n int, err error) {
	if t.file == nil {
		if n = t.keep(p); n == len(p) {
			return n, nil
		}
		if err := t.spill(); err != nil {
			return n, err
		}
	}
	if t.size/shortText != (t.size+int64(len(p)))/shortText {
		if err := t.room.check(); err != nil {
			return n, err
		}
	}
	m, err := t.file.Write(p[n:])
	return n + m, err
}

// keep holds as much of p in memory as may be.
func (t *text) keep(p []byte) (n int) {
	for n < len(p) {
		last := len(t.chunks) - 1
		if last < 0 || len(t.chunks[last]) == chunkSize {
			if len(t.chunks) == shortText/chunkSize {
				return n
			}
			chunk := t.room.take()
			if chunk == nil {
				return n
			}
			t.chunks, last = append(t.chunks, chunk), last+1
		}
		c := t.chunks[last]
		m := min(chunkSize-len(c), len(p)-n)
		t.chunks[last] = append(c, p[n:n+m]...)
		n += m
	}
	return n
}

// spill moves what is in memory to a file, which loses its name at once.
func (t *text) spill() error {
	if err := t.room.check(); err != nil {
		return err
	}
	f, err := os.CreateTemp(t.room.folder, ".filter-*")
	if err != nil {
		return err
	}
	t.file = f
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	for _, c := range t.chunks {
		if _, err := f.Write(c); err != nil {
			return err
		}
	}
	t.free()
	return nil
}

// open starts a read from the beginning.
func (t *text) open() io.Reader {
	if t.file != nil {
		return io.NewSectionReader(t.file, 0, t.size)
	}
	readers := make([]io.Reader, len(t.chunks))
	for i, c := range t.chunks {
		readers[i] = bytes.NewReader(c)
	}
	return io.MultiReader(readers...)
}

func (t *text) free() {
	for _, c := range t.chunks {
		t.room.give(c)
	}
	t.chunks = nil
}

// close gives up what the text takes. It may be called again.
func (t *text) close() {
	t.free()
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
}
