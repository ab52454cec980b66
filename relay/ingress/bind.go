package ingress

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

const systemdPrefix = "systemd:"

// bind opens the sockets of an address: "host:port", "unix:/path" or
// "systemd:NAME".
func bind(address string, inherited map[string][]net.Listener) ([]net.Listener, error) {
	if name, ok := strings.CutPrefix(address, systemdPrefix); ok {
		if len(inherited[name]) == 0 {
			return nil, fmt.Errorf("systemd passed no socket named %q; it passes them at the start only", name)
		}
		return inherited[name], nil
	}
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		l, err := bindUnix(path)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
		}
		return []net.Listener{l}, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, cause(err))
	}
	return []net.Listener{l}, nil
}

// cause takes the address, which the caller names, out of an error of listen.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// bindUnix opens a unix socket that anybody may write to: who may reach it is
// said by the permissions of its folder. A socket that a dead process left
// behind is replaced; one on which somebody answers is not. Closing removes it.
func bindUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, cause(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != os.ModeSocket:
		return errors.New("something that is no socket is in the way")
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return errors.New("another process listens there")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return cause(err)
	}
	return os.Remove(path)
}
