package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/relay/route"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/upstreamtest"
)

// What may be wanted of a daemon and its commands, however long the queue is.
const (
	longBody      = 2 << 10   // bytes of each message
	longCommand   = 100 << 20 // the most memory of a command that lists, in bytes
	longDaemon    = 48 << 20  // by how much the anonymous memory of the daemon may grow
	longFirst     = time.Second
	longDelivery  = 2 * time.Second
	longRare      = 1000   // each so many messages are of the rare kind that filters look for
	longShown     = 50_000 // of what matches everything, but for one list of all
	longProducers = 256
)

// TestLongQueue lets commands look at a long queue, with the daemon running and
// stopped. Their memory and that of the daemon has a bound that has nothing to
// do with the length. How long they take is told, and judged where -queued asks
// for a million.
func TestLongQueue(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNodeIn(t, shortDir(t), settings{spool: `max_size = "100GiB"`}, upstreamBlock("out", out.Addr(), ""), upstreamBlock("backup", out.Addr(), ""))
	n.fillQueue(*queued)

	began := time.Now()
	p := n.start()
	if _, err := out.WaitMessages(patience(t), 1); err != nil {
		t.Fatal(err)
	}
	judge(t, "the daemon, to its first delivery", time.Since(began), longDelivery)
	rest := memorySampler(t, p)
	rest.sample()
	before := rest.most
	commands := longCommands(t, n)
	for _, c := range commands {
		c.run(t, n, rest)
	}
	t.Logf("the daemon: %d MiB of anonymous memory, at most %d MiB while it was asked", before>>20, rest.most>>20)
	if rest.most > before+longDaemon {
		t.Errorf("the daemon grew by %d MiB", (rest.most-before)>>20)
	}
	p.stop()
	for _, c := range commands {
		c.run(t, n, nil)
	}
}

// judge tells how long something took, and judges it where the queue is long.
func judge(t *testing.T, what string, took, bar time.Duration) {
	t.Helper()
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if *queued >= 1_000_000 && took > bar {
		t.Errorf("%s: %v, and %v is the bar", what, took, bar)
	}
}

// fillQueue puts messages into the spool of a daemon that does not run. All are
// to be tried tomorrow but for the last. Each of longRare is of a kind of its
// own; the last of them is at the very end of the list.
func (n *node) fillQueue(messages int) {
	n.t.Helper()
	store, err := bolt.Open(bolt.Options{Path: n.spool, NoSync: true})
	if err != nil {
		n.t.Fatal(err)
	}
	store.UseTable(n.table())
	numbers := make(chan int)
	var producers sync.WaitGroup
	for range longProducers {
		producers.Go(func() {
			for i := range numbers {
				if err := store.Accept(context.Background(), longMessage(i, messages)); err != nil {
					n.t.Error(err)
				}
			}
		})
	}
	for i := range messages {
		numbers <- i
	}
	close(numbers)
	producers.Wait()
	if err := store.Close(); err != nil {
		n.t.Fatal(err)
	}
}

// table is the fingerprint of the routing table that the configuration makes.
func (n *node) table() string {
	n.t.Helper()
	c, err := config.Load(n.config, config.LoadOptions{LookupEnv: os.LookupEnv})
	if err != nil {
		n.t.Fatal(err)
	}
	var routes []route.Route
	for _, r := range c.Routes {
		routes = append(routes, r.Route)
	}
	return route.New(routes).Fingerprint()
}

// longMessage is message i of so many, from a minute ago: a command asks for what
// is older than a second.
func longMessage(i, messages int) *spool.Incoming {
	now := time.Now().Add(-time.Minute)
	m := &relay.Message{
		ID: spool.NewID(), MessageID: fmt.Sprintf("<%d@app.example.com>", i), Subject: fmt.Sprintf("report %d", i),
		From: "app@example.com", ReceivedAt: now, Listener: "local", Client: "127.0.0.1",
	}
	r := relay.Recipient{
		Address: fmt.Sprintf("user%d@example.org", i), Route: "default", Eligible: []string{"out", "backup"},
		NextAttempt: now.Add(24 * time.Hour), ExpiresAt: now.Add(5 * 24 * time.Hour),
		Attempts: 1, Upstream: "out", LastAt: now,
		Last: relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeRecipient, Action: relay.ActionRetry, Stage: relay.StageRcpt, Code: 452, Enhanced: "4.2.2", Text: "The mailbox is full", Rule: "mailbox-full"},
	}
	switch {
	case i == messages-1:
		r.NextAttempt = now
	case i == messages-2:
		m.From, r.Address = "rare@example.com", "rare@example.net"
		m.MessageID, r.RemoteID, r.Route = "<rare@app.example.com>", "remote-rare", "rare"
		r.State, r.HoldReason = relay.Held, relay.HoldOperator
		r.Eligible, r.Upstream, r.Last.Code = nil, "rare", 451
	case i%longRare == 0:
		r.State, r.HoldReason = relay.Held, relay.HoldOperator
	}
	head := fmt.Sprintf("From: %s\r\nSubject: %s\r\nMessage-ID: %s\r\n\r\n", m.From, m.Subject, m.MessageID)
	body := head + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef01234567890123\r\n", longBody/64)
	return &spool.Incoming{Message: m, Recipients: []relay.Recipient{r}, Body: strings.NewReader(body[:longBody-2] + "\r\n")}
}

// longCommand is a command that looks at the queue, and how many lines its
// answer has; 0: some.
type longCall struct {
	args  []string
	lines int
}

func longCommands(t *testing.T, n *node) []longCall {
	list := func(lines int, args ...string) longCall {
		return longCall{append([]string{"spool", "list"}, args...), lines}
	}
	many := strconv.Itoa(min(*queued, longShown))
	return []longCall{
		list(*queued, "--json"), // the last message is delivered
		list(0, "--limit", many),
		list(0, "--limit", many, "--state", "any", "--json"),
		list(0, "--state", "held", "--json"),
		list(0, "--limit", many, "--upstream", "out", "--json"),
		list(1, "--upstream", "rare", "--json"),
		list(0, "--limit", many, "--route", "default", "--json"),
		list(1, "--route", "rare", "--json"),
		list(0, "--limit", many, "--from", "app@*", "--json"),
		list(1, "--from", "rare@*", "--json"),
		list(1, "--to", "*@example.net", "--json"),
		list(1, "--message-id", "<rare@app.example.com>", "--json"),
		list(1, "--remote-id", "remote-rare", "--json"),
		list(0, "--limit", many, "--older", "1s", "--json"),
		list(0, "--limit", many, "--newer", "1h", "--json"),
		list(0, "--limit", many, "--code", "4xx", "--json"),
		list(1, "--code", "451", "--json"),
		list(1, "--limit", "1", "--json"),
		{[]string{"spool", "stats"}, 0},
		{[]string{"spool", "stats", "--json"}, 1},
	}
}

// memory gives that of the command and samples the daemon's, where one runs: a
// command that reads the spool file itself has that mapped, which is no memory
// of its own.
func (c longCall) memory(pid int, daemon *sampler) int64 {
	if daemon == nil {
		return memoryOf(pid, rssAnon)
	}
	daemon.sample()
	return memoryOf(pid, rssPeak)
}

// run runs the command, looks at its first line and counts the others. daemon
// samples the memory of the daemon meanwhile; nil: none runs.
func (c longCall) run(t *testing.T, n *node, daemon *sampler) {
	t.Helper()
	what := "relaykeep " + strings.Join(c.args, " ")
	cmd := exec.CommandContext(t.Context(), binary, append(c.args, "--config", n.config)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var first time.Duration
	lines, memory, in := 0, int64(0), bufio.NewScanner(pipe)
	for in.Scan() {
		if lines == 0 {
			first = time.Since(began)
		}
		if lines++; lines%10_000 == 1 {
			memory = max(memory, c.memory(cmd.Process.Pid, daemon))
		}
	}
	err = errors.Join(in.Err(), cmd.Wait())
	if err != nil || lines == 0 || c.lines > 0 && lines != c.lines && lines != c.lines-1 {
		t.Errorf("%s: %d lines, %v: %s", what, lines, err, stderr.String())
	}
	judge(t, fmt.Sprintf("%s: %d lines in %v, %d MiB, first", what, lines, time.Since(began).Round(time.Millisecond), memory>>20), first, longFirst)
	if memory > longCommand {
		t.Errorf("%s took %d MiB", what, memory>>20)
	}
}
