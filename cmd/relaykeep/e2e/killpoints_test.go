package e2e

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// strace lets system calls of the daemon fail. It traces from beside, so that
// the daemon stays our child. How is what inject= takes behind the call.
func strace(call, how string) []string {
	return []string{
		"strace", "-D", "-f", "-qq", "-o", "/dev/null",
		"-e", "trace=" + call, "-e", "inject=" + call + ":" + how,
	}
}

// TestKilledAtCommit kills the daemon at the n-th call of a thread of its: on
// fdatasync, so before a commit is on disk, between its two halves, or before
// its first; on write, so between the commit and the reply. What was not
// acknowledged may be there or not; what was is.
func TestKilledAtCommit(t *testing.T) {
	out := newProvider(t, "good")
	n := newNode(t, settings{}, upstreamBlock("good", out.addr, ""))
	l := newLedger()
	for _, when := range []int{1, 2, 3, 4, 5, 6, 7, 8, 13, 16} {
		killAt(n, out, l, "fdatasync", when)
	}
	for _, when := range []int{4, 9, 16, 25, 49} {
		killAt(n, out, l, "write", when)
	}
	out.open()
	before := n.entries()
	p := n.start()
	awaitEnd(p, before)
	p.stop()
	out.close(l)
	l.check(n)
}

// killAt lets clients send until the daemon is killed by its n-th call, which may
// be before it is ready.
func killAt(n *node, out *provider, l *ledger, call string, when int) {
	n.t.Helper()
	out.open()
	defer out.close(l)
	p := n.launch(how{behind: strace(call, fmt.Sprintf("signal=KILL:when=%d", when))})
	if p.ready() {
		stop := context.AfterFunc(patience(n.t), func() {
			n.t.Errorf("no thread came to %s %d", call, when)
			p.cmd.Process.Kill()
		})
		defer stop()
		var load sync.WaitGroup
		for range 3 {
			load.Go(func() { sendSmall(p, l) })
		}
		load.Wait()
	}
	if status := p.wait(); status != -int(syscall.SIGKILL) {
		n.t.Fatalf("at %s %d the daemon ended with status %d:\n%s", call, when, status, p.log.tail(20))
	}
}

// sendSmall sends small messages until the daemon is gone; each third one
// bounces for one of its recipients.
func sendSmall(p *process, l *ledger) {
	for n := 0; ; n++ {
		to := []string{"rcpt@example.com"}
		if n%3 == 0 {
			to = append(to, goneRecipient)
		}
		m := l.compose(to, []byte("small\r\n"))
		id, err := p.tryPost(m)
		if err != nil {
			return
		}
		l.accepted(id, m.to)
	}
}

// TestDiskError lets the disk fail under a commit. Its outcome is unknown: the
// client is told to come again, the daemon says why in one line and ends, and
// the next start verifies the spool.
func TestDiskError(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Greeting, upstreamtest.Always(upstreamtest.Stall()))
	n := newNode(t, settings{}, upstreamBlock("silent", out.Addr(), ""))
	n.start().stop() // the file is made
	p := n.startIn(how{behind: strace("fdatasync", "error=EIO:when=9+")})
	var err error
	accepted := 0
	for ; err == nil && accepted < 1000; accepted++ {
		_, err = p.tryPost(letter())
	}
	wantCode(t, "the message that could not be committed", err, 451)
	if status := p.wait(); status != 1 {
		t.Errorf("the daemon ended with status %d; want 1", status)
	}
	said := p.log.plain()
	if len(said) != 1 {
		t.Errorf("the daemon said %q; want one line", said)
	}
	again := n.start()
	if _, ok := again.log.wait(patience(t), func(l line) bool { return l.text("cause") != "" }); !ok {
		t.Error("the next start does not say that it verifies the spool")
	}
	again.kill()
	if kept := len(n.entries()); kept < accepted-1 {
		t.Errorf("%d messages are in the spool; %d were accepted", kept, accepted-1)
	}
}
