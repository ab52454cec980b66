package bolt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/durable"
)

// RestoreOptions say what is to be restored.
type RestoreOptions struct {
	Copy string // what Backup wrote; only read
	Path string // of the spool

	// Resume leaves the mail due that was. Else it is held: it may have been
	// sent since the copy was made.
	Resume bool

	Progress func(done, total int64) // in bytes; nil: nobody is told
	Logger   hclog.Logger            // nil: nothing is said
}

// Restored says what was done.
type Restored struct {
	Report spool.Report // of the new spool
	Held   int64        // recipients
	Aside  string       // where the spool went that was there; "" for none
}

// Restore makes a spool of a copy, which is looked at before anything else. The
// spool appears under its name verified, whole and on disk, or not at all. One
// that is there and holds unfinished mail, or cannot be read, is left alone, and
// the error says so; one without is moved aside.
//
// The spool gets a new instance: the one that the copy was made of may live on,
// and what one of the two sends to the other is no loop.
func Restore(ctx context.Context, o RestoreOptions) (done Restored, err error) {
	from, size, err := openCopy(o.Copy)
	if err != nil {
		return done, err
	}
	defer from.Close()
	if err := makeFolderOf(o.Path); err != nil {
		return done, err
	}
	there, unlock, err := mayReplace(ctx, &o.Path)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	f, err := durable.Prepare(o.Path)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, f.Discard()) }()
	if err := copyFile(ctx, f, from, size, o.Progress); err != nil {
		return done, err
	}
	if done.Report, done.Held, err = revise(ctx, f.Name(), o); err != nil {
		return done, fmt.Errorf("%s was not restored: %w", o.Copy, err)
	}
	if there { // else one that was made since is in use
		done.Aside, err = replaceAside(f, o.Path)
		return done, err
	}
	if err := likeFolder(f.File, o.Path); err != nil {
		return done, err
	}
	return done, f.Commit()
}

// replaceAside puts f in the place of a spool that keeps another name, aside. At
// no moment is there no spool of the name.
func replaceAside(f *durable.File, path string) (aside string, err error) {
	aside = path + ".before-" + time.Now().UTC().Format(stampForm)
	if err := os.Link(path, aside); err != nil {
		return "", fmt.Errorf("the spool that is there cannot be kept under another name; move it away first: %w", err)
	}
	if err := f.Replace(); err != nil {
		if sameFiles(path, aside) {
			err = errors.Join(err, os.Remove(aside))
			aside = ""
		}
		return aside, err
	}
	return aside, nil
}

// sameFiles reports whether two names are of one file.
func sameFiles(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// stampForm is how times stand in names of files.
const stampForm = "20060102T150405Z"

// likeFolder gives a file that root makes to the owner of the folder that it comes
// to: the daemon, which is not root, is to read it.
func likeFolder(f *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// revise makes a spool of a copy that nobody knows yet, and verifies it.
func revise(ctx context.Context, path string, o RestoreOptions) (r spool.Report, held int64, err error) {
	// KeepFailed: bodies that a retry may want stay until the daemon prunes them.
	s, err := Open(Options{Path: path, KeepFailed: 1, scratch: true, Logger: o.Logger})
	if err != nil {
		return r, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.renew(ctx); err != nil {
		return r, 0, err
	}
	if !o.Resume {
		if held, err = s.holdAll(ctx, relay.HoldRestored, time.Now().UTC()); err != nil {
			return r, held, err
		}
	}
	if r, err = s.Check(ctx, o.Progress); err != nil {
		return r, held, err
	}
	return r, held, r.Err()
}

// renew gives the spool a new instance.
func (s *Store) renew(ctx context.Context) error {
	name, err := newInstance()
	if err != nil {
		return err
	}
	return s.do(ctx, &op{run: func(b *batch) error {
		return b.tx.Bucket([]byte(bucketMeta)).Put([]byte(metaInstance), name)
	}})
}

// newInstance makes a name for Store.Instance.
func newInstance() ([]byte, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, err
	}
	return []byte(hex.EncodeToString(b[:])), nil
}

// openCopy opens a copy of a spool that nobody writes to, and keeps others from
// that until it is closed. size is in bytes.
func openCopy(path string) (from *os.File, size int64, err error) {
	if from, err = lockForReading(path); err != nil {
		return nil, 0, err
	}
	info, err := from.Stat()
	if err == nil {
		size = info.Size()
		err = looksWhole(from, path, size)
	}
	if err != nil {
		return nil, 0, errors.Join(err, from.Close())
	}
	return from, size, nil
}

func looksWhole(f io.ReaderAt, path string, size int64) error {
	_, err := checkMeta(path, size)
	if err == nil {
		err = wholeMeta(f)
	}
	if err != nil {
		return fmt.Errorf("%s is no whole copy of a spool: %w; take another, or save what can be read of it with relaykeep spool verify --salvage", path, err)
	}
	return nil
}

// copyFile writes what a file of size bytes holds.
func copyFile(ctx context.Context, w io.Writer, from io.Reader, size int64, progress func(done, total int64)) error {
	out := &endsWith{ctx: ctx, w: w}
	if progress != nil {
		done := int64(0)
		out.w = io.MultiWriter(w, writerFunc(func(p []byte) (int, error) {
			done += int64(len(p))
			progress(done, size)
			return len(p), nil
		}))
	}
	_, err := io.Copy(out, from)
	return err
}

// writerFunc is an io.Writer.
type writerFunc func(p []byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
