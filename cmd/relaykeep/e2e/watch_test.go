package e2e

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// watch starts spool watch, and returns once nothing escapes it.
func (n *node) watch(args ...string) (cmd *exec.Cmd, out *bufio.Scanner) {
	n.t.Helper()
	cmd = exec.CommandContext(patience(n.t), binary, append(append([]string{"spool", "watch"}, args...), "--config", n.config)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	if said, err := bufio.NewReader(stderr).ReadString('\n'); err != nil || !strings.HasPrefix(said, "watching") {
		n.t.Fatalf("watch says %q, %v", said, err)
	}
	return cmd, bufio.NewScanner(stdout)
}

// TestWatch sees a message come and go, in words and in JSON, until the daemon
// stops.
func TestWatch(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	words, wordLines := n.watch()
	objects, objectLines := n.watch("--json")
	id := string(p.post(letter()))
	for delivered := false; !delivered; {
		if !wordLines.Scan() {
			t.Fatal("no line tells of the delivery")
		}
		l := wordLines.Text()
		delivered = strings.Contains(l, "delivered") && strings.Contains(l, id) && strings.Contains(l, "at out")
	}
	var kinds []string
	for len(kinds) == 0 || kinds[len(kinds)-1] != "delivered" {
		var e struct{ Event, Message, From string }
		if !objectLines.Scan() {
			t.Fatalf("no object tells of the delivery, after %v", kinds)
		}
		if err := json.Unmarshal(objectLines.Bytes(), &e); err != nil || e.Message != id || e.From != letter().from {
			t.Errorf("%s: %v", objectLines.Bytes(), err)
		}
		kinds = append(kinds, e.Event)
	}
	if kinds[0] != "accepted" {
		t.Errorf("events: %v", kinds)
	}
	p.stop()
	for _, c := range []struct {
		cmd  *exec.Cmd
		rest *bufio.Scanner
	}{{words, wordLines}, {objects, objectLines}} {
		for c.rest.Scan() { // to the end
		}
		if status := statusOf(c.cmd.Wait()); status != 1 {
			t.Errorf("the daemon has stopped, and watch ends with %d", status)
		}
	}
}
