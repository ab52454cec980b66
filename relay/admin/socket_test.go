package admin

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestListen(t *testing.T) {
	group := strconv.Itoa(os.Getgid())
	for name, mode := range map[string]fs.FileMode{"owner": 0o600, "group": 0o660, "all": 0o666} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run", "s") // the folder is made
			l, err := listen(path, group, mode)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != mode {
				t.Errorf("%v, %v; want %v", info.Mode(), err, mode)
			}
			if gid := info.Sys().(*syscall.Stat_t).Gid; strconv.Itoa(int(gid)) != group {
				t.Errorf("group %d", gid)
			}
			folder, err := os.Stat(filepath.Dir(path))
			if err != nil || folder.Mode().Perm()&0o022 != 0 {
				t.Errorf("folder %v, %v", folder.Mode(), err)
			}
		})
	}
}

// Between bind and chmod nobody may slip in.
func TestPrivateFromTheFirstMoment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	lc := net.ListenConfig{Control: private}
	l, err := lc.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestListenReplacesStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale(t, path)
	l, err := listen(path, "", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenRefuses(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("keep me"), 0o600); err != nil {
		t.Fatal(err)
	}
	busy, err := listen(filepath.Join(folder, "busy"), "", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, tt := range []struct{ path, group, want string }{
		{file, "", "is no socket"},
		{busy.Addr().String(), "", "another process answers"},
		{filepath.Join(folder, "a", "b", "s"), "", "no such file or directory"},
		{filepath.Join(file, "s"), "", "not a directory"},
		{filepath.Join(folder, strings.Repeat("x", 200)), "", "invalid argument"},
		{filepath.Join(folder, "s"), "no-such-group", `there is no group "no-such-group"`},
	} {
		l, err := listen(tt.path, tt.group, 0o600)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.path, err, tt.want)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "keep me" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if _, err := os.Lstat(filepath.Join(folder, "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a socket is left behind: %v", err)
	}
}
