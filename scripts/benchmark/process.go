package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is USER_HZ, which is 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// stat reads the fields of /proc/PID/stat behind the name: see proc(5). Field
// numbers are those of the manual.
func stat(pid int) (func(field int) int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return nil, errors.New("/proc/PID/stat cannot be read")
	}
	return func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return n
	}, nil
}

// spentBy is the CPU time of a process, with that of the children that it has
// waited for.
func spentBy(pid int, children bool) (time.Duration, error) {
	f, err := stat(pid)
	if err != nil {
		return 0, err
	}
	ticks := f(14) + f(15)
	if children {
		ticks += f(16) + f(17)
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

func childrenOf(parent int) []int {
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if f, err := stat(pid); err == nil && f(4) == int64(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// memoryOf is what processes hold in anonymous memory, what they share counted
// in parts (Pss_Anon of proc(5)). Mapped files, such as a spool, do not count:
// the kernel can drop them at any time.
func memoryOf(pids []int) (anonymous int64) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) >= 2 && f[0] == "Pss_Anon:" {
				n, _ := strconv.ParseInt(f[1], 10, 64)
				anonymous += n << 10
			}
		}
	}
	return anonymous
}

// watchMemory samples until the returned function is called, which gives the
// peak in bytes.
func watchMemory(pids func() []int) func() int64 {
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, memoryOf(pids()))
			select {
			case <-tick.C:
			case <-done:
				peak <- most
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-peak
	}
}

// portTime is how long whoever is started may take to listen.
const portTime = time.Minute

// waitPort returns when something listens on a port.
func waitPort(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	for {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on port %d: %w", port, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
