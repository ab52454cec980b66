package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"relaykeep/spool/durable"
)

// claimName keeps others who would put a file in the place of a spool from
// doing so until release is called: a lock on the file itself does not, for it
// is one on what has lost its name since. path becomes that of the file, where
// it is a symbolic link.
func claimName(path *string) (release func() error, err error) {
	switch real, err := filepath.EvalSymlinks(*path); {
	case err == nil:
		*path = real
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("spool %s: %w", *path, err)
	}
	dir, err := os.Open(filepath.Dir(*path))
	if err != nil {
		return nil, fmt.Errorf("the folder of spool %s: %w", *path, err)
	}
	switch err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("a spool in %s is being restored or compacted already: wait until that has ended", dir.Name()), dir.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("the folder %s cannot be locked: %w", dir.Name(), err), dir.Close())
	}
	if err := durable.Sweep(*path); err != nil {
		return nil, errors.Join(fmt.Errorf("what was left of an earlier one cannot be removed: %w", err), dir.Close())
	}
	return dir.Close, nil
}

// mayReplace says why a spool must not be put in the place of what is there, and
// else keeps everybody from using that, and from putting another there, until
// unlock is called. there says that something is; path is as of claimName.
func mayReplace(ctx context.Context, path *string) (there bool, unlock func() error, err error) {
	release, err := claimName(path)
	if err != nil {
		return false, nil, err
	}
	if _, err := os.Lstat(*path); errors.Is(err, fs.ErrNotExist) {
		return false, release, nil
	}
	s, err := Open(Options{Path: *path, ReadOnly: true})
	if err != nil {
		return true, nil, errors.Join(fmt.Errorf("there is a spool already, and it cannot be read; move it away first, it may hold mail: %w", err), release())
	}
	unlock = func() error { return errors.Join(s.Close(), release()) }
	stats, err := s.Stats(ctx)
	if err == nil && stats.Messages > 0 {
		err = fmt.Errorf("spool %s holds unfinished mail (messages: %d): move it away first, such as with mv %s %s.old", *path, stats.Messages, *path, *path)
	}
	if err != nil {
		return true, nil, errors.Join(err, unlock())
	}
	return true, unlock, nil
}
