package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// A service manager that does not read holds nothing up.
func TestNotifyGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	for range 1 << 16 { // as many as the queue of any kernel takes
		if err = (notifier{}).write("WATCHDOG=1"); err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want the end of the wait", err)
	}
}

func TestNotifyWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := (notifier{}).write("READY=1"); err != nil {
		t.Error(err)
	}
}
