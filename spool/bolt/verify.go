package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/spool"
	"relaykeep/spool/bolt/pages"
)

// Verify is Check for who wants nothing but the problems.
func (s *Store) Verify(ctx context.Context) error {
	r, err := s.Check(ctx, nil)
	if err != nil {
		return err
	}
	return r.Err()
}

// Check reads the whole spool, bodies and all, and tells everything that does
// not fit together: damaged pages, records that cannot be read, index entries
// without a message or missing ones, wrong counts, bodies that are missing,
// damaged or belong to nobody. It takes one consistent view while mail comes and
// goes (what is being staged is left out), in memory that does not grow with the
// spool. An error says that the reading ended early; a spool that is not sound
// is none.
//
// progress, where it is set, is told how many bytes were read of about how many.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) (r spool.Report, err error) {
	r.Problems = []string{}
	err = s.view(func(tx *bbolt.Tx) error {
		f, err := os.Open(s.opt.Path)
		if err != nil {
			return err
		}
		defer f.Close()
		return s.checkIn(ctx, tx, f, &r, progress)
	})
	return r, err
}

// checkIn checks what a transaction sees. The file is that of the database, or
// one that has taken its name, which then is damaged.
func (s *Store) checkIn(ctx context.Context, tx *bbolt.Tx, f *os.File, r *spool.Report, progress func(done, total int64)) error {
	c := &checking{ctx: ctx, r: r, progress: progress, total: tx.Size() + s.counts.get().BodyBytes}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	page := s.db.Info().PageSize
	meta := pages.Meta{PageSize: page, HighWater: uint64(tx.Size()) / uint64(page), Root: uint64(tx.Cursor().Bucket().Root())}
	if err := c.pages(pages.New(f, info.Size(), meta), page); err != nil || !r.Sound() {
		return err
	}
	return s.checkRecords(c, tx)
}

// CheckFile is Check of the file of a stopped daemon, which is only read,
// however damaged it is. The error says so where a process uses it.
func CheckFile(ctx context.Context, path string, progress func(done, total int64)) (r spool.Report, err error) {
	r.Problems = []string{}
	f, err := lockForReading(path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	meta, err := pages.ReadMeta(f)
	if err != nil {
		r.Partial = true
		r.Complain("%v", err)
		return r, nil
	}
	if meta.Alone {
		r.Complain("%v", errLoneMeta)
	}
	if meta.Length() > info.Size() {
		r.Complain("it has %d bytes and should have %d: it was cut short", info.Size(), meta.Length())
	}
	c := &checking{ctx: ctx, r: &r, progress: progress, total: meta.Length()}
	if err := c.pages(pages.New(f, info.Size(), meta), meta.PageSize); err != nil || !r.Sound() {
		return r, err
	}
	s, err := Open(Options{Path: path, ReadOnly: true})
	if err != nil {
		r.Complain("%v", err)
		return r, nil
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.view(func(tx *bbolt.Tx) error {
		c.total += s.counts.get().BodyBytes
		return s.checkRecords(c, tx)
	})
	if errors.Is(err, errDamage) {
		r.Complain("%v", err)
		err = nil
	}
	return r, err
}

// checking is the course of a check.
type checking struct {
	ctx         context.Context
	r           *spool.Report
	progress    func(done, total int64)
	done, total int64 // bytes
}

// at tells how far it has come.
func (c *checking) at(done int64) {
	if c.progress != nil {
		c.progress(done, c.total)
	}
}

// pages looks at the pages alone.
func (c *checking) pages(f *pages.File, size int) error {
	ended := false
	f.Check(func(p pages.Problem) {
		c.r.Partial = true
		c.r.Complain("%v", p)
	}, func(n int64) bool {
		c.r.Pages, c.done = n, n*int64(size)
		c.at(c.done)
		ended = c.ctx.Err() != nil
		return !ended
	})
	if ended {
		return c.ctx.Err()
	}
	return nil
}

// lockForReading opens the file of a spool that no process writes to, and keeps
// any from doing so until it is closed.
func lockForReading(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no spool: it is not even a file", path)
	}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no spool at %s", path)
	case err != nil:
		return nil, fmt.Errorf("spool %s: %w", path, err)
	}
	for deadline := time.Now().Add(openTimeout); ; time.Sleep(lockInterval) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("spool %s cannot be locked: %w", path, err), f.Close())
		case time.Now().After(deadline):
			return nil, errors.Join(inUse(path), f.Close())
		}
	}
}

// inUse says that another process has a spool.
func inUse(path string) error {
	return fmt.Errorf("spool %s is in use by another process: is relaykeep running already, or stopping still?", path)
}
