package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// relaykeep is the relay as shipped: fsync, marks, history and metrics on, a
// JSON line for each event at info, into a file.
type relaykeep struct {
	binary, folder string
	variant
	cmd *exec.Cmd
}

// variant is how a relaykeep differs from the plain one.
type variant struct {
	label string
	key   string     // the kind of a DKIM key; "": nothing is signed
	tls   *authority // on both sides; nil: in clear
	keep  bool       // the spool that is there
	more  string     // blocks of the configuration besides
}

func (o options) relaykeep(v variant) *relaykeep {
	return &relaykeep{binary: o.binary, folder: filepath.Join(o.folder, "relaykeep"), variant: v}
}

const relaykeepConfig = `hostname = "bench.example.com"
listener "bench" {
  address                    = "127.0.0.1:%[2]d"
  max_connections            = 2000
  max_connections_per_client = 2000
  %[4]s
}
spool {
  path     = "%[1]s/spool.db"
  max_size = "100GiB"
}
upstream "sink" {
  address         = "127.0.0.1:%[3]d"
  max_connections = 20
  %[5]s
}
%[6]s
admin { socket = "%[1]s/admin.sock" }
metrics { address = "127.0.0.1:0" }
log { file = "%[1]s/log" }
`

func (r *relaykeep) name() string { return strings.TrimSuffix("relaykeep, "+r.label, ", ") }

func (r *relaykeep) start(ctx context.Context, port, sink int) error {
	if !r.keep {
		if err := os.RemoveAll(r.folder); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(r.folder, 0o700); err != nil {
		return err
	}
	if err := r.configure(port, sink); err != nil {
		return err
	}
	r.cmd = exec.Command(r.binary, "serve", "--config", r.config())
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		return err
	}
	if err := waitPort(ctx, port); err != nil {
		return errors.Join(err, r.cmd.Process.Kill(), r.cmd.Wait())
	}
	return nil
}

func (r *relaykeep) config() string { return filepath.Join(r.folder, "config.hcl") }

func (r *relaykeep) configure(port, sink int) error {
	listener, upstream, rest := "", `tls = "none"`, r.more
	if a := r.tls; a != nil {
		listener = fmt.Sprintf("tls {\n    cert_file = %q\n    key_file = %q\n  }", a.certFile, a.keyFile)
		upstream = fmt.Sprintf("tls = \"starttls\"\n  tls_ca_file = %q", a.caFile)
	}
	if r.key != "" {
		file := filepath.Join(r.folder, "dkim.pem")
		out, err := exec.Command(r.binary, "dkim", "keygen", "--algorithm", r.key, "--domain", "example.com", "--selector", "s1", "--out", file).CombinedOutput()
		if err != nil {
			return fmt.Errorf("dkim keygen: %w: %s", err, bytes.TrimSpace(out))
		}
		rest += fmt.Sprintf("dkim \"example.com\" {\n  key {\n    selector = \"s1\"\n    file     = %q\n  }\n}", file)
		upstream += "\n  dkim = true"
	}
	text := fmt.Sprintf(relaykeepConfig, r.folder, port, sink, listener, upstream, rest)
	return os.WriteFile(r.config(), []byte(text), 0o600)
}

func (r *relaykeep) pids() []int { return []int{r.cmd.Process.Pid} }

func (r *relaykeep) spent() (time.Duration, error) { return spentBy(r.cmd.Process.Pid, false) }

func (r *relaykeep) stop() error {
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return r.cmd.Wait()
}
