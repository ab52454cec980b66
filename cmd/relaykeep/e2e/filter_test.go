package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relaykeep/upstream/upstreamtest"
)

// gtube is the text that every spam filter takes for spam.
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

// rspamdConfig makes rspamd a milter that scans by itself, asks no DNS and says
// of each message what it thinks.
const rspamdConfig = `
options {
  pidfile        = "%[1]s/rspamd.pid";
  tempdir        = "%[1]s";
  hs_cache_dir   = "%[1]s";
  control_socket = "%[1]s/control.sock mode=0600";
  history_file   = "%[1]s/history";
  url_tld        = "%[1]s/domains"; # the whole list takes half a minute to compile
  filters        = "";
  gtube_patterns = "reject";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }
}
logging { type = "console"; level = "warning"; }
worker "rspamd_proxy" {
  bind_socket = "%[2]s";
  count       = 1;
  milter      = yes;
  timeout     = 20s;
  upstream "local" { default = yes; self_scan = yes; }
  %[3]s
}
actions { reject = 15; add_header = 6; }
modules { path = "/usr/share/rspamd/plugins/milter_headers.lua"; }
milter_headers {
  use                = ["x-spamd-bar", "x-spamd-result"];
  skip_local         = false;
  skip_authenticated = false;
}
`

// startRspamd runs rspamd at an address until end is called, or the test ends.
func startRspamd(t *testing.T, addr, more string) (end func()) {
	t.Helper()
	dir := shortDir(t)
	config := filepath.Join(dir, "rspamd.conf")
	if err := os.WriteFile(filepath.Join(dir, "domains"), []byte("com\norg\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, rspamdConfig, dir, addr, more), 0o600); err != nil {
		t.Fatal(err)
	}
	return startMilter(t, "tcp", addr, program(t, "rspamd"), "--no-fork", "--insecure", "--config", config)
}

// startMilter runs a program, with what it starts itself in a process group of
// its own, and waits until it listens.
func startMilter(t *testing.T, network, addr, name string, args ...string) (end func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said, err := os.Create(filepath.Join(shortDir(t), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	end = sync.OnceFunc(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // asked to end, rspamd takes its time
		<-ended
	})
	t.Cleanup(end)
	// It does not tell when it listens: ask until it does.
	ctx := patience(t)
	for {
		if c, err := net.Dial(network, addr); err == nil {
			c.Close()
			return end
		}
		select {
		case <-ended:
			log, _ := os.ReadFile(said.Name())
			t.Fatalf("%s has ended: %s", name, log)
		case <-ctx.Done():
			t.Fatalf("%s does not listen", name)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestRspamd has rspamd look at mail: a clean message gets its fields, the one
// that every filter refuses is refused in rspamd's words. While rspamd is away
// clients are asked to come again, and one line says why.
func TestRspamd(t *testing.T) {
	out, addr := startProvider(t, upstreamtest.Options{}), quietAddress(t)
	end := startRspamd(t, addr, "")
	n := newNode(t, settings{rest: fmt.Sprintf("filter \"rspamd\" {\n milter = %q\n}\n", "tcp:"+addr)}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	if r := n.run("check", "--probe"); r.status != 0 || !strings.Contains(r.out, "filter rspamd at tcp:"+addr+" works") {
		t.Errorf("check: status %d, %s%s", r.status, r.out, r.err)
	}

	id := swaks(t, p.addr(), "--h-Subject", "clean")
	sent, err := out.WaitMessages(patience(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"\nX-Spamd-Bar: ", "\nX-Spamd-Result: ", "\nSubject: clean\r"} {
		if !strings.Contains(string(sent[0].Body), field) {
			t.Errorf("%q is missing in\n%s", field, sent[0].Body)
		}
	}
	if l, ok := p.log.event(patience(t), "filtered", string(id)); !ok || !strings.HasPrefix(l.text("detail"), "filter rspamd: added X-Spamd-") {
		t.Errorf("told: %v", l)
	}
	if r := n.run("spool", "show", string(id)); r.status != 0 || !strings.Contains(r.out, "filter rspamd: added X-Spamd-") {
		t.Errorf("shown:\n%s%s", r.out, r.err)
	}

	if r := trySwaks(t, p.addr(), "--body", gtube); r.status == 0 || !strings.Contains(r.out, "554 5.7.1 Gtube pattern") {
		t.Errorf("spam: status %d\n%s", r.status, r.out)
	}
	end()
	for range 3 {
		if r := trySwaks(t, p.addr()); !strings.Contains(r.out, "451 4.7.1 Content filter not available, try again later") {
			t.Errorf("without rspamd: status %d\n%s", r.status, r.out)
		}
	}
	if r := n.run("check", "--probe"); r.status != 1 || !strings.Contains(r.out, "filter rspamd at tcp:"+addr+" FAILS: it cannot be reached") {
		t.Errorf("check: status %d, %s%s", r.status, r.out, r.err)
	}
	if told := p.log.all(func(l line) bool { return l.text("filter") == "rspamd" }); len(told) != 1 || !strings.Contains(told[0].text("reason"), "cannot be reached") {
		t.Errorf("told %v", told)
	}
	startRspamd(t, addr, "")
	swaks(t, p.addr())
	if _, err := out.WaitMessages(patience(t), 2); err != nil {
		t.Fatal(err)
	}
	p.stop()
	if all := n.entries(); len(all) != 2 {
		t.Errorf("%d messages were accepted, want 2", len(all))
	}
}

// TestRspamdQuarantine lets rspamd quarantine what it would refuse: it is held
// by one incident, and sent once that is resolved.
func TestRspamdQuarantine(t *testing.T) {
	out, addr := startProvider(t, upstreamtest.Options{}), quietAddress(t)
	startRspamd(t, addr, "quarantine_on_reject = true;")
	n := newNode(t, settings{rest: fmt.Sprintf("filter \"rspamd\" {\n milter = %q\n}\n", "tcp:"+addr)}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	for range 2 {
		id := swaks(t, p.addr(), "--body", gtube)
		if l, ok := p.log.event(patience(t), "held", string(id)); !ok || !strings.HasPrefix(l.text("detail"), "filter rspamd quarantines it: ") {
			t.Errorf("told: %v", l)
		}
	}
	p.stop()
	p = n.start()
	open := listed(t, n, "incident", "list")
	if len(open) != 1 || open[0]["kind"] != "message" || open[0]["held"] != float64(2) {
		t.Fatalf("incidents: %v", open)
	}
	if r := n.run("incident", "resolve", fmt.Sprint(open[0]["id"]), "--yes"); r.status != 0 {
		t.Errorf("resolve: status %d, %s%s", r.status, r.out, r.err)
	}
	if _, err := out.WaitMessages(patience(t), 2); err != nil {
		t.Fatal(err)
	}
	p.stop()
}

// TestTwoFilters has opendkim verify what rspamd has looked at, over a unix
// socket.
func TestTwoFilters(t *testing.T) {
	out, first, second := startProvider(t, upstreamtest.Options{}), quietAddress(t), filepath.Join(shortDir(t), "opendkim.sock")
	startRspamd(t, first, "")
	startMilter(t, "unix", second, program(t, "opendkim"), "-f", "-x", "/dev/null", "-b", "v", "-p", "local:"+second)
	n := newNode(t, settings{rest: fmt.Sprintf("filter \"rspamd\" {\n milter = %q\n}\nfilter \"opendkim\" {\n milter = %q\n}\n", "tcp:"+first, "unix:"+second)},
		upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	id := swaks(t, p.addr(), "--add-header", "DKIM-Signature: v=1; a=rsa-sha256; d=example.invalid; s=s; h=from; bh=eA==; b=eA==")
	sent, err := out.WaitMessages(patience(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"\nX-Spamd-Bar: ", "\nAuthentication-Results: relay.test;"} {
		if !strings.Contains(string(sent[0].Body), field) {
			t.Errorf("%q is missing in\n%s", field, sent[0].Body)
		}
	}
	p.stop()
	told := p.log.all(func(l line) bool { return l.is("filtered", string(id)) })
	if len(told) != 2 || !strings.HasPrefix(told[1].text("detail"), "filter opendkim: added ") {
		t.Errorf("told %v", told)
	}
}
