package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// relaykeep is the relay as shipped: fsync, marks and history on, a JSON line
// for each event at info, into a file.
type relaykeep struct {
	binary, folder string
	cmd            *exec.Cmd
}

const relaykeepConfig = `hostname = "bench.example.com"
listener "bench" { address = "127.0.0.1:%[2]d" }
spool { path = "%[1]s/spool.db" }
upstream "sink" {
  address         = "127.0.0.1:%[3]d"
  tls             = "none"
  max_connections = 20
}
admin { socket = "%[1]s/admin.sock" }
log { file = "%[1]s/log" }
`

func (r *relaykeep) name() string { return "relaykeep" }

func (r *relaykeep) start(ctx context.Context, port, sink int) error {
	if err := os.RemoveAll(r.folder); err != nil {
		return err
	}
	if err := os.MkdirAll(r.folder, 0o700); err != nil {
		return err
	}
	config := filepath.Join(r.folder, "config.hcl")
	if err := os.WriteFile(config, fmt.Appendf(nil, relaykeepConfig, r.folder, port, sink), 0o600); err != nil {
		return err
	}
	r.cmd = exec.Command(r.binary, "serve", "--config", config)
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		return err
	}
	return waitPort(ctx, port)
}

func (r *relaykeep) pids() []int { return []int{r.cmd.Process.Pid} }

func (r *relaykeep) spent() (time.Duration, error) { return spentBy(r.cmd.Process.Pid, false) }

func (r *relaykeep) stop() error {
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return r.cmd.Wait()
}
