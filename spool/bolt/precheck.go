package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"go.etcd.io/bbolt"

	"relaykeep/spool/bolt/pages"
)

// checkMeta looks whether a file is as long as its newest meta page says. bbolt
// maps the file and trusts it: behind the end of a truncated one the process
// would get a bus error.
func checkMeta(path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := pages.ReadMeta(f)
	if err == nil && m.Length() > size {
		err = fmt.Errorf("it has %d bytes and should have %d: it was cut short", size, m.Length())
	}
	return err
}

// walk opens a file for reading and visits every page that is in use. bbolt
// does the same when it opens a file for writing, to find what is free, but in
// a goroutine of its own, where nobody can catch what a damaged page makes it
// do.
func walk(path string) error {
	return guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: openTimeout, ReadOnly: true})
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

// failureNote is the file whose presence says that the last process stopped
// at a failed commit.
func failureNote(path string) string { return path + ".failed" }

// noteFailure leaves the note. Where even that cannot be written, the next
// start does without the check.
func (s *Store) noteFailure(cause error) {
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
