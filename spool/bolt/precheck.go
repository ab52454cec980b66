package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"runtime"

	"go.etcd.io/bbolt"
)

// The layout of bbolt's meta page (go.etcd.io/bbolt internal/common: page.go,
// meta.go), little-endian: a page header of 16 bytes, then these offsets.
const (
	metaPageHeader = 16
	metaMagic      = 0
	metaPageSize   = 8
	metaHighWater  = 40 // the first page number that was never used
	metaTxid       = 48
	metaChecksum   = 56
	metaLen        = 64
	magicNumber    = 0xED0CDAED
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
	newest, pages, page := uint64(0), uint64(0), uint32(0)
	found := false
	for _, at := range []int64{0, 4096, 8192, 16384, 32768, 65536} {
		b := make([]byte, metaPageHeader+metaLen)
		if _, err := f.ReadAt(b, at); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
		m := b[metaPageHeader:]
		if !validMeta(m) {
			continue
		}
		if txid := binary.LittleEndian.Uint64(m[metaTxid:]); !found || txid > newest {
			newest, found = txid, true
			pages = binary.LittleEndian.Uint64(m[metaHighWater:])
			page = binary.LittleEndian.Uint32(m[metaPageSize:])
		}
	}
	switch {
	case !found:
		return errors.New("it has no valid meta page")
	case page == 0 || pages > uint64(1)<<62/uint64(page):
		return errors.New("its meta page makes no sense")
	case int64(pages*uint64(page)) > size:
		return fmt.Errorf("it has %d bytes and should have %d: it was cut short", size, pages*uint64(page))
	}
	return nil
}

func validMeta(m []byte) bool {
	if binary.LittleEndian.Uint32(m[metaMagic:]) != magicNumber {
		return false
	}
	sum := fnv.New64a()
	sum.Write(m[:metaChecksum])
	return sum.Sum64() == binary.LittleEndian.Uint64(m[metaChecksum:])
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
