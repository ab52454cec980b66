package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

// program finds a program; those of administrators are not on everybody's path.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: scripts/test installs what the tests need", name)
	return ""
}

// swaks sends one message to an address and gives the id that it got.
func swaks(t *testing.T, addr string, args ...string) relay.ID {
	t.Helper()
	r := trySwaks(t, addr, args...)
	found := regexp.MustCompile(`250 2\.0\.0 Ok: queued as ([0-9A-Z]{26})`).FindStringSubmatch(r.out)
	if r.status != 0 || found == nil {
		t.Fatalf("swaks ended with status %d:\n%s%s", r.status, r.out, r.err)
	}
	return relay.ID(found[1])
}

func trySwaks(t *testing.T, addr string, args ...string) result {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"--server", host, "--port", port, "--helo", "swaks.test",
		"--from", "sender@example.org", "--to", "rcpt@example.com",
	}, args...)
	return runCommand(t, program(t, "swaks"), args...)
}

// smtpSource sends messages and must succeed.
func smtpSource(t *testing.T, addr string, args ...string) {
	t.Helper()
	args = append([]string{"-M", "source.test", "-f", "sender@example.org", "-t", "rcpt@example.com"}, args...)
	r := runCommand(t, program(t, "smtp-source"), append(args, addr)...)
	if r.status != 0 || r.err != "" {
		t.Fatalf("smtp-source ended with status %d:\n%s%s", r.status, r.out, r.err)
	}
}

// sink is a running smtp-sink, which writes each message into a file.
type sink struct {
	t    *testing.T
	addr string
	dir  string
}

// startSink starts smtp-sink with more arguments.
func startSink(t *testing.T, args ...string) *sink {
	t.Helper()
	s := &sink{t: t, addr: quietAddress(t), dir: shortDir(t)}
	args = append(args, "-d", filepath.Join(s.dir, "mail."))
	if os.Getuid() == 0 { // it insists on being told whom to become
		args = append(args, "-u", "root")
	}
	cmd := exec.Command(program(t, "smtp-sink"), append(args, s.addr, "1000")...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	// It does not tell when it listens: ask until it does.
	ctx := patience(t)
	for {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			c.Close()
			return s
		}
		select {
		case <-ended:
			t.Fatalf("smtp-sink has ended: %s", said.String())
		case <-ctx.Done():
			t.Fatal("smtp-sink does not listen")
		case <-time.After(time.Millisecond):
		}
	}
}

// dumped is a message as smtp-sink took it, lines ended by LF.
type dumped struct {
	rcpt    string
	content string // without smtp-sink's own Received field
}

var (
	dumpedRcpt  = regexp.MustCompile(`(?m)^X-Rcpt-Args: <(.*?)>`)
	dumpedTrace = regexp.MustCompile(`^(?:X-[A-Za-z-]+: .*\n)+Received: .*\n(?:\t.*\n)+?\t.*\(UTC\)\n`)
)

// messages reads what was taken so far.
func (s *sink) messages() []dumped {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "mail.*"))
	if err != nil {
		s.t.Fatal(err)
	}
	var all []dumped
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		rcpt := dumpedRcpt.FindSubmatch(b)
		top := dumpedTrace.Find(b)
		if rcpt == nil || top == nil {
			s.t.Fatalf("a dump of smtp-sink is not understood: %.500q", b)
		}
		all = append(all, dumped{rcpt: string(rcpt[1]), content: strings.TrimSuffix(string(b[len(top):]), "\n")})
	}
	return all
}

// user makes a line for the users file by the command for it.
func user(t *testing.T, name, password string) string {
	t.Helper()
	cmd := exec.Command(binary, "user", "hash")
	cmd.Stdin = strings.NewReader(password + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("user hash: %v", err)
	}
	return fmt.Sprintf("%s:%s\n", name, strings.TrimSpace(string(out)))
}
