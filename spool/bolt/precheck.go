package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"relaykeep/spool"
	"relaykeep/spool/bolt/pages"
)

// checkMeta looks whether a file is as long as its newest meta page says. bbolt
// maps the file and trusts it: behind the end of a truncated one the process
// would get a bus error. It also tells whether the file holds a list of its free
// pages, so that nobody must look at all pages to find them.
func checkMeta(path string, size int64) (freelist bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	m, err := pages.ReadMeta(f)
	if err == nil && m.Length() > size {
		err = fmt.Errorf("it has %d bytes and should have %d: it was cut short", size, m.Length())
	}
	return m.HasFreelist, err
}

// errLoneMeta: bbolt would go on with the meta page that is left, and so perhaps
// with the commit before the last: mail that was acknowledged is not in that, and
// mail that has been sent is queued in it. A crash leaves none like this, for a
// meta page lies within one sector.
var errLoneMeta = errors.New("one of its two meta pages is damaged: its last commit may be missing")

// wholeMeta looks whether both meta pages of a file are sound.
func wholeMeta(f io.ReaderAt) error {
	m, err := pages.ReadMeta(f)
	if err == nil && m.Alone {
		err = errLoneMeta
	}
	return err
}

// walk opens a file for reading and visits every page that is in use. bbolt
// does the same when it opens a file for writing, to find what is free, but in
// a goroutine of its own, where nobody can catch what a damaged page makes it
// do. Where the file holds a list of its free pages bbolt does not, and
// visitInParts comes later.
func walk(path string) error {
	return guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: openTimeout, ReadOnly: true, MmapFlags: mapFlags(path)})
		if err != nil {
			return err
		}
		err = guard(func() error { return db.View(visitAll) })
		return errors.Join(err, db.Close())
	})
}

func visitAll(tx *bbolt.Tx) error {
	touched := byte(0)
	err := tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		if b == nil {
			return fmt.Errorf("%q is no bucket", name)
		}
		return b.ForEach(func(k, _ []byte) error {
			touched ^= k[0] ^ k[len(k)-1] // reading is the point
			return nil
		})
	})
	runtime.KeepAlive(touched)
	return err
}

const (
	// visitPart is how many keys of a bucket visitInParts reads in a transaction.
	visitPart = 2 << 10
	// visitRest is how much longer than such a part took it rests then: with a
	// million messages it reads for seconds, and mail has the cores before it.
	visitRest = 9
)

// visitLater does, beside the work, what walk does before it. The store fails
// where a page is damaged, and the next Open refuses the file.
func (s *Store) visitLater() {
	if err := s.visitInParts(); err != nil && !errors.Is(err, spool.ErrClosed) {
		s.fail(fmt.Errorf("the spool was looked through after the start: %w", err))
	}
}

// visitInParts is visitAll without a transaction that stays open, for those keep
// pages from being used again, and at a tenth of its pace. It ends early when
// the store closes.
func (s *Store) visitInParts() error {
	var names [][]byte
	err := s.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			names = append(names, bytes.Clone(name))
			return nil
		})
	})
	for _, name := range names {
		for after, more := []byte(nil), true; more && err == nil; {
			began := time.Now()
			err = s.view(func(tx *bbolt.Tx) error {
				after, more = visitSome(tx.Bucket(name), after)
				return nil
			})
			select {
			case <-s.closing:
				return err
			case <-time.After(visitRest * time.Since(began)):
			}
		}
	}
	return err
}

// visitSome reads keys after one, and gives the last that it read; more is false
// at the end.
func visitSome(b *bbolt.Bucket, after []byte) (last []byte, more bool) {
	p, touched := seekAfter(b, after), byte(0)
	for range visitPart {
		k, _ := p.take()
		if k == nil {
			return nil, false
		}
		touched ^= k[0] ^ k[len(k)-1] // reading is the point
		last = k
	}
	runtime.KeepAlive(touched)
	return bytes.Clone(last), true
}

// mapFlags has the kernel map a whole file at once where it fits into half of
// the memory: whoever visits every page takes a fault for each, else, which is
// most of the time that it takes.
func mapFlags(path string) int {
	var machine unix.Sysinfo_t
	size, err := fileSize(path)
	if err != nil || unix.Sysinfo(&machine) != nil || uint64(size) > uint64(machine.Totalram)*uint64(machine.Unit)/2 {
		return 0
	}
	return unix.MAP_POPULATE
}

// failureNote is the file whose presence says that the last process stopped
// at a failed commit.
func failureNote(path string) string { return path + ".failed" }

// noteFailure leaves the note. Where even that cannot be written, the next
// start does without the check.
func (s *Store) noteFailure(cause error) {
	if s.opt.scratch {
		return // nobody opens it again
	}
	if err := os.WriteFile(failureNote(s.opt.Path), []byte(cause.Error()+"\n"), 0o600); err != nil {
		s.log.Error("cannot leave a note of the failed commit; verify the spool before the next start", "error", err.Error())
	}
}

// checkAfterFailure verifies the whole file where a note was left, and removes
// the note.
func (s *Store) checkAfterFailure() error {
	note := failureNote(s.opt.Path)
	cause, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.log.Warn("the last process stopped at a failed commit: verifying the spool", "cause", string(cause))
	if err := s.db.View(checkPages); err != nil {
		return err
	}
	if s.opt.ReadOnly {
		return nil
	}
	return os.Remove(note)
}

// checkPages runs bbolt's own check and gives the first of what it finds.
func checkPages(tx *bbolt.Tx) error {
	var first error
	for err := range tx.Check() {
		if first == nil {
			first = err
		}
	}
	return first
}
