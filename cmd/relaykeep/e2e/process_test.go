package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// logTail is how many lines of each daemon's log a failed test shows.
const logTail = 15

// process is a running daemon.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *logbook
	notify *notifications
	addrs  map[string]string // of the listeners that are bound, by name

	ended  chan struct{} // closed when the process has
	status int           // then: its exit status, or minus the signal
}

// how says in which circumstances a daemon is started.
type how struct {
	behind []string   // a program, with its arguments, that becomes the daemon
	env    []string   // more environment
	files  []*os.File // from descriptor 3 on
}

// launch starts a daemon and does not wait for it. It is killed when the test
// ends.
func (n *node) launch(h how) *process {
	n.t.Helper()
	words := append(slices.Clone(h.behind), binary, "serve", "--config", n.config)
	p := &process{
		t: n.t, cmd: exec.Command(words[0], words[1:]...),
		log: newLogbook(), notify: newNotifications(n.t), ended: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+p.notify.path)
	p.cmd.Env = append(p.cmd.Env, h.env...)
	p.cmd.ExtraFiles = h.files
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		n.t.Fatalf("%v (scripts/test installs what the tests need)", err)
	}
	go func() {
		p.log.readFrom(stderr)
		p.status = statusOf(p.cmd.Wait())
		p.notify.close()
		p.log.close()
		close(p.ended)
	}()
	n.t.Cleanup(func() {
		p.kill()
		if n.t.Failed() {
			n.t.Logf("the end of the log of process %d:\n%s", p.cmd.Process.Pid, p.log.tail(logTail))
		}
	})
	return p
}

// statusOf is the exit status, or minus the signal that ended the process.
func statusOf(err error) int {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return -int(w.Signal())
	}
	return exit.ExitCode()
}

// start starts a daemon and waits until it is ready.
func (n *node) start() *process {
	n.t.Helper()
	return n.startIn(how{})
}

func (n *node) startIn(h how) *process {
	n.t.Helper()
	p := n.launch(h)
	if !p.ready() {
		n.t.Fatalf("the daemon ended with status %d before it was ready:\n%s", p.status, p.log.tail(20))
	}
	return p
}

// ready waits for READY=1; false means that the daemon has ended instead.
func (p *process) ready() bool {
	p.t.Helper()
	ctx := patience(p.t)
	if !p.notify.wait(ctx, "READY=1") {
		if ctx.Err() != nil {
			p.t.Fatal("the daemon does not become ready")
		}
		<-p.ended
		return false
	}
	l, ok := p.log.wait(ctx, func(l line) bool { return l.text("listeners") != "" })
	if !ok {
		p.t.Fatal("the daemon does not say where it listens")
	}
	p.addrs = make(map[string]string)
	for part := range strings.SplitSeq(l.text("listeners"), ", ") {
		var name, network, address string
		if _, err := fmt.Sscanf(part, "%s on %s %s", &name, &network, &address); err != nil {
			p.t.Fatalf("listeners %q: %v", part, err)
		}
		p.addrs[name] = address
	}
	return true
}

// addr is the address of the listener "local".
func (p *process) addr() string { return p.addrs["local"] }

// kill ends the daemon by SIGKILL and waits for that.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// stop ends the daemon as systemd does and wants it to exit with 0.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if status := p.wait(); status != 0 {
		p.t.Errorf("after SIGTERM the daemon ended with status %d:\n%s", status, p.log.tail(20))
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("%v: %v", s, err)
	}
}

// wait waits for the end of the daemon and gives its status.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.status
	case <-patience(p.t).Done():
		p.t.Fatal("the daemon does not end")
		return 0
	}
}

// run runs a command of the binary to its end, the configuration given.
func (n *node) run(args ...string) result {
	n.t.Helper()
	return runBinary(n.t, append(args, "--config", n.config)...)
}

// result is what a command did.
type result struct {
	out, err string
	status   int
}

func runBinary(t *testing.T, args ...string) result {
	t.Helper()
	return runCommand(t, binary, args...)
}

// runCommand runs a program to its end.
func runCommand(t *testing.T, name string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(patience(t), name, args...)
	var out, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v (scripts/test installs what the tests need)", err)
	}
	return result{out.String(), stderr.String(), statusOf(err)}
}

// unfinished asks the running daemon how many messages are not finished.
func (n *node) unfinished() int64 {
	n.t.Helper()
	r := n.run("spool", "stats", "--json")
	var stats struct{ Messages *int64 }
	if err := json.Unmarshal([]byte(r.out), &stats); err != nil || r.status != 0 || stats.Messages == nil {
		n.t.Fatalf("spool stats: status %d, %v\n%s%s", r.status, err, r.out, r.err)
	}
	return *stats.Messages
}
