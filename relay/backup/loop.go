package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"relaykeep/spool/durable"
)

const (
	// Rate bounds the writing, in bytes a second: a spool of 20 GiB takes five
	// minutes.
	Rate  = 64 << 20
	burst = 1 << 20

	retryAfter = 15 * time.Minute // at most, after one that failed
)

// Spool gives a copy of itself; see relaykeep/spool/bolt.
type Spool interface {
	Backup(ctx context.Context, w io.Writer, size func(int64)) error
}

// Options describe a Loop.
type Options struct {
	Folder   string // made where it is missing
	Every    time.Duration
	Keep     int    // backups, at least 1
	Instance string // of the spool: it is in the names of its backups

	Spool  Spool
	Verify func(ctx context.Context, file string) error // the error says what is wrong with a copy

	// Told is called after each try with the file that was made, or with why
	// none was, or why an older one could not be removed.
	Told func(file string, err error)
}

// Loop makes backups.
type Loop struct {
	o     Options
	limit *rate.Limiter
}

// New makes a Loop.
func New(o Options) *Loop { return &Loop{o, rate.NewLimiter(Rate, burst)} }

// Run makes a backup whenever one is due, until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	wait := l.wait(time.Now())
	for sleep(ctx, wait) {
		file, err := l.Once(ctx)
		if ctx.Err() != nil {
			return
		}
		l.o.Told(file, err)
		if wait = l.wait(time.Now()); file == "" {
			wait = min(l.o.Every, retryAfter)
		}
	}
}

// sleep waits; false where ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(max(0, d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// wait says how long it is until a backup is due. Where the folder cannot be
// read, that shows when one is made.
func (l *Loop) wait(now time.Time) time.Duration {
	files, _ := os.ReadDir(l.o.Folder)
	return nextAt(l.o.Instance, own(l.o.Instance, files), l.o.Every, now).Sub(now)
}

// Once makes one backup and removes what there is too much. Where file is set
// beside an error, the backup is there and the removing failed.
func (l *Loop) Once(ctx context.Context) (file string, err error) {
	if err := os.MkdirAll(l.o.Folder, 0o700); err != nil {
		return "", err
	}
	if err := l.sweep(); err != nil {
		return "", err
	}
	file = filepath.Join(l.o.Folder, name(l.o.Instance, time.Now()))
	if err := l.make(ctx, file); err != nil {
		return "", err
	}
	return file, l.prune(filepath.Base(file))
}

func (l *Loop) make(ctx context.Context, file string) (err error) {
	f, err := durable.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Discard()) }()
	if err := l.o.Spool.Backup(ctx, &slow{ctx, f, l.limit}, func(int64) {}); err != nil {
		return err
	}
	if err := l.o.Verify(ctx, f.Name()); err != nil {
		return fmt.Errorf("the copy is not sound, and so the spool may not be: %w", err)
	}
	return f.Commit()
}

// sweep removes what a crash left of an unfinished backup of this spool.
func (l *Loop) sweep() error {
	files, err := os.ReadDir(l.o.Folder)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "."+prefix(l.o.Instance)) && strings.HasSuffix(f.Name(), ".tmp") {
			err = errors.Join(err, os.Remove(filepath.Join(l.o.Folder, f.Name())))
		}
	}
	return err
}

// prune removes what there is too much beside the newest.
func (l *Loop) prune(newest string) error {
	files, err := os.ReadDir(l.o.Folder)
	for _, old := range surplus(own(l.o.Instance, files), newest, l.o.Keep) {
		err = errors.Join(err, os.Remove(filepath.Join(l.o.Folder, old)))
	}
	return err
}

// slow is a writer that keeps to a rate.
type slow struct {
	ctx   context.Context
	w     io.Writer
	limit *rate.Limiter
}

// Write implements io.Writer.
func (s *slow) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), burst)]
		if err = s.limit.WaitN(s.ctx, len(piece)); err == nil {
			var wrote int
			wrote, err = s.w.Write(piece)
			n += wrote
			p = p[wrote:]
		}
	}
	return n, err
}
