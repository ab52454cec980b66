package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// wantLine checks that a command failed with one line on standard error, which
// says all of these.
func wantLine(t *testing.T, r result, status int, parts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("it ended with status %d; want %d", r.status, status)
	}
	if r.out != "" {
		t.Errorf("standard output: %q", r.out)
	}
	if strings.Count(r.err, "\n") != 1 || !strings.HasSuffix(r.err, "\n") {
		t.Errorf("standard error is %q; want one line", r.err)
	}
	wantParts(t, r.err, parts)
}

func wantParts(t *testing.T, said string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("it said %q; want %q in it", said, part)
		}
	}
}

// TestWrongUsage gives the commands what they cannot work with.
func TestWrongUsage(t *testing.T) {
	n := newNode(t, settings{}, upstreamBlock("out", quietAddress(t), ""))
	tests := []struct {
		name   string
		args   []string
		status int
		parts  []string
	}{
		{"unknown command", []string{"fly"}, 2, []string{"fly", "--help"}},
		{"unknown flag", []string{"serve", "--bogus"}, 2, []string{"--bogus", "relaykeep serve --help"}},
		{"flag without value", []string{"serve", "--config"}, 2, []string{"--config", "--help"}},
		{"no configuration", []string{"serve", "--config", "/nowhere/config.hcl"}, 1, []string{"/nowhere/config.hcl", "--config"}},
		{"configuration is a folder", []string{"serve", "--config", n.dir}, 1, []string{n.dir, "directory"}},
		{"no daemon and no spool", []string{"spool", "list", "--config", n.config}, 1, []string{n.socket, n.spool}},
		{"wrong socket", []string{"spool", "stats", "--socket", "/nowhere/admin.sock"}, 1, []string{"/nowhere/admin.sock"}},
		{"socket is a file", []string{"spool", "stats", "--socket", n.config}, 1, []string{n.config}},
		{"no such state", []string{"spool", "list", "--state", "lost", "--config", n.config}, 2, []string{"--state", "lost", "queued"}},
		{"bad address", []string{"send", "--to", "nobody", "--config", n.config}, 2, []string{"--to", "nobody"}},
		{"no daemon to send to", []string{"send", "--to", "a@b.example", "--config", n.config}, 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantLine(t, runBinary(t, tt.args...), tt.status, tt.parts...)
		})
	}
}

// TestWrongConfiguration shows the place of what is wrong in the file.
func TestWrongConfiguration(t *testing.T) {
	tests := []struct{ name, rest, want string }{
		{"unknown key", "hostnane = \"x\"\n", "hostnane"},
		{"unknown block", "upsteam \"x\" {\n}\n", "upsteam"},
		{"no HCL", "upstream {{\n", "upstream"},
		{"dangling reference", "route \"x\" {\n upstreams = [\"gone\"]\n}\n", "gone"},
		{"bad duration", "retry \"x\" {\n initial = \"soon\"\n}\n", "initial"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNode(t, settings{rest: tt.rest}, upstreamBlock("out", quietAddress(t), ""))
			for _, command := range []string{"serve", "check"} {
				r := n.run(command)
				if r.status != 1 {
					t.Errorf("%s ended with status %d; want 1", command, r.status)
				}
				wantParts(t, r.out+r.err, []string{tt.want, "config.hcl:1", ": error: ", "is not valid"})
			}
		})
	}
}

// TestInUse starts a second daemon beside one that runs.
func TestInUse(t *testing.T) {
	out := upstreamBlock("out", quietAddress(t), "")
	first := newNode(t, settings{}, out)
	p := first.start()
	t.Run("spool", func(t *testing.T) {
		second := newNodeIn(t, filepath.Dir(first.spool), settings{}, out)
		wantLine(t, second.run("serve"), 1, first.spool, "in use by another process")
	})
	t.Run("port", func(t *testing.T) {
		second := newNode(t, settings{address: p.addr()}, out)
		wantLine(t, second.run("serve"), 1, p.addr(), "address already in use")
	})
	t.Run("admin socket", func(t *testing.T) {
		second := newNode(t, settings{}, out)
		second.socket = first.socket
		second.configure(settings{}, out)
		wantLine(t, second.run("serve"), 1, first.socket)
	})
	p.stop()
}

// TestDamagedSpool refuses files that it cannot read, and leaves them as they
// are.
func TestDamagedSpool(t *testing.T) {
	silent := startProvider(t, upstreamtest.Options{})
	silent.On(upstreamtest.Greeting, upstreamtest.Always(upstreamtest.Stall()))
	n := newNodeIn(t, shortDir(t), settings{}, upstreamBlock("out", silent.Addr(), ""))
	p := n.start()
	for range 20 {
		p.post(letter())
	}
	p.kill()
	sound, err := os.ReadFile(n.spool)
	if err != nil {
		t.Fatal(err)
	}
	const page = 8192
	tests := []struct {
		name   string
		damage func([]byte) []byte
		parts  []string
	}{
		{"cut short", func(b []byte) []byte { return b[:5*page] }, []string{"cut short", "backup"}},
		{"cut to nothing but its head", func(b []byte) []byte { return b[:100] }, []string{"backup"}},
		{"without meta pages", func(b []byte) []byte { clear(b[:2*page]); return b }, []string{"meta page", "backup"}},
		{"other content", func([]byte) []byte { return bytes.Repeat([]byte("no spool\n"), 10_000) }, []string{"backup"}},
		{"pages of noise", func(b []byte) []byte {
			for i := 2 * page; i < len(b); i++ {
				b[i] ^= byte(i * 7)
			}
			return b
		}, []string{"damaged", "backup"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			damaged := tt.damage(bytes.Clone(sound))
			if err := os.WriteFile(n.spool, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			wantLine(t, n.run("serve"), 1, append(tt.parts, n.spool)...)
			wantLine(t, n.run("spool", "list"), 1, n.spool)
			if now, err := os.ReadFile(n.spool); err != nil || !bytes.Equal(now, damaged) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
	t.Run("a folder", func(t *testing.T) {
		os.Remove(n.spool)
		if err := os.Mkdir(n.spool, 0o700); err != nil {
			t.Fatal(err)
		}
		wantLine(t, n.run("serve"), 1, n.spool, "folder")
	})
}
