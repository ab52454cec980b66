package bolt

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Two that put a file in the place of a spool would put the older one in the
// place of the newer.
func TestOnlyOneReplacesASpool(t *testing.T) {
	path, _ := closed(t, "body")
	release, err := claimName(&path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compact(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("%v", err)
	}
	from, _, _ := aBackup(t)
	o := RestoreOptions{Copy: from, Path: filepath.Join(filepath.Dir(path), "other.db")}
	if _, err := Restore(t.Context(), o); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("%v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := Compact(t.Context(), path, nil); err != nil {
		t.Error(err)
	}
}

// A spool that a daemon makes while one is restored holds mail: it stays.
func TestRestoreLeavesASpoolThatIsNew(t *testing.T) {
	from, _, _ := aBackup(t)
	path := filepath.Join(t.TempDir(), "spool.db")
	born := func(int64, int64) {
		if err := os.WriteFile(path, []byte("in use"), 0o600); err != nil {
			t.Error(err)
		}
	}
	done, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path, Progress: born})
	if !errors.Is(err, fs.ErrExist) || done.Aside != "" {
		t.Errorf("%+v %v", done, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "in use" {
		t.Errorf("%q %v", got, err)
	}
}

// What lies on another disk stays there.
func TestALinkStaysOne(t *testing.T) {
	path, _ := closed(t, "body")
	link := filepath.Join(t.TempDir(), "spool.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compact(t.Context(), link, nil); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || bytes.Equal(before, after) {
		t.Errorf("it was not compacted where it lies: %v", err)
	}
	if to, err := os.Readlink(link); err != nil || to != path {
		t.Errorf("it leads to %q: %v", to, err)
	}
}

// What has no end is not copied.
func TestOnlyFilesAreRestored(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"/dev/zero", pipe, t.TempDir()} {
		path := filepath.Join(t.TempDir(), "spool.db")
		_, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path})
		if err == nil || !strings.Contains(err.Error(), "not even a file") {
			t.Errorf("%s: %v", from, err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", from, err)
		}
	}
}

func TestWhatIsNoWholeCopyIsNotRestored(t *testing.T) {
	from, _, _ := aBackup(t)
	whole, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty": nil, "zeros": make([]byte, 1<<20), "cut": whole[:len(whole)/2],
		"another's": append([]byte("SQLite format 3\x00"), make([]byte, 1<<16)...),
	} {
		path := filepath.Join(t.TempDir(), "spool.db")
		bad := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Restore(t.Context(), RestoreOptions{Copy: bad, Path: path})
		if err == nil || !strings.HasPrefix(err.Error(), bad+" is no whole copy of a spool") {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
			t.Errorf("%s: %v %v", name, left, err)
		}
	}
}
