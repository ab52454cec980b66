package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listen opens the socket. A socket that a dead process left is replaced; one
// that answers is not. On an error nothing is left behind but the folder.
func listen(path, group string, mode fs.FileMode) (net.Listener, error) {
	gid, err := lookupGroup(group)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("the folder of the admin socket: %w; set socket in the block admin to a path that may be used", err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: private}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if gid >= 0 {
		err = os.Chown(path, -1, gid)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("admin socket: %w", err), l.Close())
	}
	return l, nil
}

// private makes a socket that nobody else may open, from its first moment:
// bind takes the mode that the descriptor has.
func private(_, _ string, c syscall.RawConn) error {
	var chmodErr error
	err := c.Control(func(fd uintptr) { chmodErr = unix.Fchmod(int(fd), 0o600) })
	return errors.Join(err, chmodErr)
}

// removeStale removes a socket on which nobody answers.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("admin socket: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("admin socket: %s is there and is no socket: move it away, or set socket in the block admin to another path", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("admin socket: another process answers on %s: is relaykeep running already?", path)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("admin socket: cannot tell whether another process has it: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("admin socket: an old one is in the way: %w", err)
	}
	return nil
}

// lookupGroup gives the id of a group by name or number, -1 for none.
func lookupGroup(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		if n, numErr := strconv.ParseUint(name, 10, 31); numErr == nil {
			return int(n), nil
		}
		return 0, fmt.Errorf("admin socket: there is no group %q: create it, or set group in the block admin to another one", name)
	}
	return strconv.Atoi(g.Gid)
}
