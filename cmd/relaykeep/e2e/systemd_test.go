package e2e

import (
	"net"
	"os"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// TestWatchdog tells systemd that the daemon lives, and that it stops.
func TestWatchdog(t *testing.T) {
	n := newNode(t, settings{}, upstreamBlock("out", quietAddress(t), ""))
	p := n.startIn(how{env: []string{"WATCHDOG_USEC=200000"}})
	if !p.notify.wait(patience(t), "WATCHDOG=1") {
		t.Error("the watchdog hears nothing")
	}
	p.stop()
	if !p.notify.wait(patience(t), "STOPPING=1") {
		t.Error("systemd is not told that the daemon stops")
	}
}

// TestSocketActivation takes mail in on a socket that was opened before.
func TestSocketActivation(t *testing.T) {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	file, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{address: "systemd:smtp"}, upstreamBlock("out", out.Addr(), ""))
	p := n.startIn(how{
		behind: []string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=smtp exec "$@"`, "sh"},
		files:  []*os.File{file},
	})
	file.Close()
	if p.addr() != addr {
		t.Errorf("it listens on %s; want %s", p.addr(), addr)
	}
	p.post(letter())
	if _, err := out.WaitMessages(patience(t), 1); err != nil {
		t.Error(err)
	}
	p.stop()
}
