package e2e

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// The clients of the memory test, and what they may cost.
const (
	memoryClients = 100
	memoryBody    = 49 << 20 // bytes each; 50 MiB is the limit of the listener
	memoryLimit   = 256 << 20
)

// TestMemory lets a hundred clients send large bodies at once, while a provider
// takes some of them and then stalls in the middle of each. The anonymous
// memory of the daemon stays bounded; the mapped spool file does not count.
func TestMemory(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{Light: true})
	out.On(upstreamtest.Body, func(s upstreamtest.Step) upstreamtest.Act {
		if s.N <= 8 {
			return upstreamtest.Act{}
		}
		return upstreamtest.Stall().After(1 << 20)
	})
	n := newNode(t, settings{spool: `max_size = "100GiB"`}, upstreamBlock("slow", out.Addr(), "max_connections = 4"))
	p := n.start()
	rest := memorySampler(t, p)
	var all sync.WaitGroup
	for range memoryClients {
		all.Go(func() {
			if err := sendLarge(p, memoryBody, rest.sample); err != nil {
				t.Errorf("a large message was not accepted: %v", err)
			}
		})
	}
	all.Wait()
	t.Logf("%d clients with %d MiB each: at most %d MiB of anonymous memory", memoryClients, memoryBody>>20, rest.most>>20)
	if rest.most > memoryLimit {
		t.Errorf("the daemon took %d MiB of anonymous memory; the limit is %d", rest.most>>20, memoryLimit>>20)
	}
	p.kill()
}

// sendLarge sends one message whose body has size bytes, and calls progress
// after each MiB.
func sendLarge(p *process, size int, progress func()) error {
	c, err := dial(p.addr())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.envelope(letter()); err != nil {
		return err
	}
	part := bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), 1<<14)
	for sent := 0; sent < size; sent += len(part) {
		if _, err := c.W.Write(part); err != nil {
			return err
		}
		progress()
	}
	_, err = c.dot()
	return err
}

// sampler keeps the most memory that a process was seen with.
type sampler struct {
	t    *testing.T
	pid  int
	mu   sync.Mutex
	most int64
}

func memorySampler(t *testing.T, p *process) *sampler {
	return &sampler{t: t, pid: p.cmd.Process.Pid}
}

// What the kernel tells of memory in the status of a process.
var (
	rssAnon = regexp.MustCompile(`RssAnon:\s+(\d+) kB`)
	rssPeak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)
)

// sample looks once.
func (s *sampler) sample() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := memoryOf(s.pid, rssAnon)
	if now == 0 {
		s.t.Error("the kernel does not tell RssAnon")
	}
	s.most = max(s.most, now)
}

// memoryOf gives what the kernel tells of a process, in bytes; 0 where it has
// ended.
func memoryOf(pid int, what *regexp.Regexp) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := what.FindSubmatch(status)
	if found == nil {
		return 0
	}
	kb, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}
