// Package durable makes files that matter. A file appears under its name whole
// and on disk, or not at all; nobody but its owner may read it; and it never
// takes the place of another, unless that is what is asked for.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// File is a file on its way. Until Commit it lies under another name beside its
// own. Make one with Create.
type File struct {
	*os.File
	path string
	done bool
}

// Create begins a file of mode 0600. The error matches fs.ErrExist where there
// is one of this name. The caller calls Discard in
// the end, and Commit before that where all went well.
func Create(path string) (*File, error) {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: %w, and it is a folder: name a new file in it", path, fs.ErrExist)
	} else if err == nil {
		return nil, exists(path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return Prepare(path)
}

// Prepare is Create without a look at what has the name now: that may be gone
// until Commit, or is to be replaced.
func Prepare(path string) (*File, error) {
	before, after := around(path)
	f, err := os.CreateTemp(filepath.Dir(path), before+"*"+after)
	if err != nil {
		return nil, cannotMake(path, err)
	}
	return &File{File: f, path: path}, nil
}

// around is what stands around a number in the name of a file on its way.
func around(path string) (before, after string) { return "." + filepath.Base(path) + ".", ".tmp" }

// Sweep removes what processes that were killed have left of files on their way
// to a name. The caller knows that nobody makes one.
func Sweep(path string) error {
	dir := filepath.Dir(path)
	files, err := os.ReadDir(dir)
	before, after := around(path)
	for _, f := range files {
		number, ok := strings.CutPrefix(f.Name(), before)
		number, tmp := strings.CutSuffix(number, after)
		if ok && tmp && number != "" && strings.Trim(number, "0123456789") == "" {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}

// Commit brings the content to disk, and then its name.
func (f *File) Commit() error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return f.Close()
}

// Replace is Commit in the place of the file that has the name, of which it
// takes over owner and mode.
func (f *File) Replace() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return errors.Join(SyncDir(filepath.Dir(f.path)), f.Close())
}

// Discard removes what was not committed. After Commit it does nothing.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	return errors.Join(ignoreClosed(f.Close()), os.Remove(f.Name()))
}

// Rename gives a file a new name, durably. The error matches fs.ErrExist where
// there is a file of that name.
func Rename(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system that cannot
		if err = os.Link(from, to); err == nil {
			err = os.Remove(from)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return exists(to)
	case err != nil:
		return &fs.PathError{Op: "rename to", Path: to, Err: err}
	}
	return SyncDir(filepath.Dir(to))
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// cannotMake says why there can be no new file in a folder; nobody knows the name
// that it has on its way.
func cannotMake(path string, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Errorf("cannot make %s: the folder %s: %w", path, filepath.Dir(path), err)
}

func exists(path string) error {
	return fmt.Errorf("%s: %w, and it is never overwritten, take another name or move it away", path, fs.ErrExist)
}

func ignoreClosed(err error) error {
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}
