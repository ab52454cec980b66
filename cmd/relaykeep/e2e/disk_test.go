package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/upstreamtest"
)

// tmpfs mounts a small file system until the test ends. The mount is in a
// namespace of its own, which a process holds open, so that it needs no root
// and leaves nothing behind.
func tmpfs(t *testing.T, size string) (dir string) {
	t.Helper()
	inside := shortDir(t)
	args := []string{"--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	script := fmt.Sprintf("mount -t tmpfs -o size=%s none %s && echo mounted && read wait", size, inside)
	cmd := exec.Command("unshare", append(args, "sh", "-c", script)...)
	var said strings.Builder
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	if answer, _ := bufio.NewReader(stdout).ReadString('\n'); answer != "mounted\n" {
		t.Fatalf("a small file system cannot be mounted here: %s", said.String())
	}
	return filepath.Join(fmt.Sprintf("/proc/%d/root", cmd.Process.Pid), inside)
}

// TestDiskFull fills the disk under the spool. New mail is refused for the
// moment, what is queued is delivered all the same, and when there is space
// again mail is accepted again.
func TestDiskFull(t *testing.T) {
	const queued = 5
	disk := tmpfs(t, "96m")
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Mail, upstreamtest.Always(upstreamtest.Stall()))
	n := newNodeIn(t, disk, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	var ids []relay.ID
	for range queued {
		ids = append(ids, p.post(letter()))
	}
	filler := fill(t, disk)
	_, err := p.tryPost(letter())
	wantCode(t, "a message on a full disk", err, 452)

	out.On(upstreamtest.Mail, nil)
	out.Release()
	for _, id := range ids {
		if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
			t.Fatalf("%s was not delivered on a full disk", id)
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.post(letter())
	p.stop()
	n.inspect(func(*bolt.Store) {})
}

// TestStopOnAFullDisk stops the daemon while an outcome finds no room on the disk,
// not even in the blocks of the ballast. A second signal ends the waiting: the
// outcome is in doubt after the next start.
func TestStopOnAFullDisk(t *testing.T) {
	disk := tmpfs(t, "96m")
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Dot, upstreamtest.Always(upstreamtest.Stall()))
	n := newNodeIn(t, disk, settings{}, upstreamBlock("out", out.Addr(), "max_recipients = 1000"))
	p := n.start()
	m := letter()
	m.to = nil
	for i := range 1000 { // so that the outcome is larger than what is free in the file
		m.to = append(m.to, fmt.Sprintf("%d@example.com", i))
	}
	p.post(m)
	waitStage(t, out, upstreamtest.Dot)
	if err := os.Remove(n.spool + ".ballast"); err != nil {
		t.Fatal(err)
	}
	filler := fill(t, disk)
	out.On(upstreamtest.Dot, nil)
	out.Release()
	if _, ok := p.log.wait(patience(t), func(l line) bool {
		text, _ := l["@message"].(string)
		return strings.HasPrefix(text, "the disk is full")
	}); !ok {
		t.Fatal("nobody tells that the disk is full")
	}
	stopping(p)
	p.signal(syscall.SIGTERM)
	if status := p.wait(); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	settled := p.log.all(func(l line) bool { return l["event"] == "delivered" })
	p = n.start()
	p.stop()
	if doubts := p.log.all(func(l line) bool { return l["event"] == "in_doubt" }); len(doubts)+len(settled) != len(m.to) {
		t.Errorf("of %d recipients %d are told to be in doubt and %d were delivered", len(m.to), len(doubts), len(settled))
	}
}

// fill writes a file that takes all space of a file system.
func fill(t *testing.T, dir string) (path string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		switch _, err := f.Write(make([]byte, size)); {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			t.Fatal(err)
		}
	}
	return f.Name()
}

// TestDiskFillsUp lets mail itself fill the disk.
func TestDiskFillsUp(t *testing.T) {
	disk := tmpfs(t, "64m")
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Mail, upstreamtest.Always(upstreamtest.Stall()))
	n := newNodeIn(t, disk, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	l := newLedger()
	content := []byte(strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 1<<20/72))
	var err error
	accepted := 0
	for ; err == nil; accepted++ {
		m := l.compose([]string{"rcpt@example.com"}, content)
		var id relay.ID
		if id, err = p.tryPost(m); err == nil {
			l.accepted(id, m.to)
		}
	}
	wantCode(t, "the message for which there is no room", err, 452)
	if accepted--; accepted < 10 {
		t.Errorf("%d messages of 1 MiB were accepted on a disk of 64 MiB", accepted)
	}
	out.On(upstreamtest.Mail, nil)
	out.Release()
	taken, err := out.WaitMessages(patience(t), accepted)
	if err != nil {
		t.Fatalf("%d of %d messages were delivered: %v", len(taken), accepted, err)
	}
	p.stop()
	l.took("out", taken)
	l.check(n)
}
