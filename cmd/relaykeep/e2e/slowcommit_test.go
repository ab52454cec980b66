package e2e

import (
	"bufio"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// TestSlowCommits makes each commit last longer than a client is let wait: who
// is in the commit that runs waits for it and is told 250, who has joined none
// by the deadline is told 451; what was told is what is in the spool.
func TestSlowCommits(t *testing.T) {
	t.Parallel()
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Greeting, upstreamtest.Always(upstreamtest.Stall()))
	n := newNode(t, settings{}, upstreamBlock("silent", out.Addr(), ""))
	p := n.start()
	slowDisk(t, p, "17s") // a commit has two of them

	const clients = 20
	ids, errs := make([]relay.ID, clients), make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { ids[i], errs[i] = p.tryPost(letter()) })
	}
	all.Wait()
	p.kill()

	stored := make(map[relay.ID]bool)
	for _, e := range n.entries() {
		stored[e.Message.ID] = true
	}
	accepted := 0
	for i, err := range errs {
		if err == nil {
			accepted++
			if !stored[ids[i]] {
				t.Errorf("%s was accepted and is not in the spool", ids[i])
			}
			continue
		}
		wantCode(t, "a message that joined no commit", err, 451)
	}
	if accepted == 0 || accepted == clients || len(stored) != accepted {
		t.Errorf("of %d messages %d were accepted and %d are stored; want some, not all, and the same", clients, accepted, len(stored))
	}
}

// slowDisk makes each fdatasync of a process last longer, from now on until the
// test ends.
func slowDisk(t *testing.T, p *process, by string) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync",
		"-e", "inject=fdatasync:delay_enter="+by, "-p", strconv.Itoa(p.cmd.Process.Pid))
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (scripts/test installs what the tests need)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if strings.Contains(lines.Text(), " attached") {
			return
		}
	}
	t.Fatalf("strace did not attach: %v", lines.Err())
}
