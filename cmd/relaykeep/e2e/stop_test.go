package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// stopping sends SIGTERM and waits until the daemon drains.
func stopping(p *process) {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if !p.notify.wait(patience(p.t), "STOPPING=1") {
		p.t.Fatal("the daemon does not tell that it stops")
	}
}

// TestStopWithClients stops the daemon while one client is within DATA, one
// within its envelope and one idle. The first may finish; the others are told
// to come again, and their connections are closed.
func TestStopWithClients(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	idle, envelope, data := p.client(), p.client(), p.client()
	m := letter()
	if err := envelope.do(250, "MAIL FROM:<%s>", m.from); err != nil {
		t.Fatal(err)
	}
	if err := data.envelope(m); err != nil {
		t.Fatal(err)
	}
	if _, err := data.W.Write(m.body[:20]); err != nil {
		t.Fatal(err)
	}
	stopping(p)
	for name, c := range map[string]*client{"the idle client": idle, "the client in its envelope": envelope} {
		_, _, err := c.ReadResponse(250)
		wantCode(t, name, err, 421)
		if _, err := c.R.ReadByte(); err == nil {
			t.Errorf("%s was not sent away", name)
		}
	}
	if _, err := data.W.Write(m.body[20:]); err != nil {
		t.Fatal(err)
	}
	id, err := data.dot()
	if err != nil {
		t.Errorf("the client within DATA: %v", err)
	}
	if status := p.wait(); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	if e := n.entries(); len(e) != 1 || e[0].Message.ID != id {
		t.Errorf("in the spool is %+v; want %s", e, id)
	}
}

// client connects until the test has ended.
func (p *process) client() *client {
	p.t.Helper()
	c, err := dial(p.addr())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

// TestStopWithDelivery stops the daemon while a provider has not answered the
// final dot. The answer is waited for.
func TestStopWithDelivery(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Dot, upstreamtest.Always(upstreamtest.Stall()))
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	p.post(letter())
	waitStage(t, out, upstreamtest.Dot)
	stopping(p)
	out.Release()
	if status := p.wait(); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	wantState(t, n, relay.Delivered, 0)
}

// TestStopWithAnOperator stops the daemon while an operator does not read a long
// list. That takes nothing from what is being delivered, and nothing more is begun.
func TestStopWithAnOperator(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Dot, upstreamtest.Always(upstreamtest.Stall()))
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), "max_connections = 1"), upstreamBlock("backup", out.Addr(), "max_connections = 1"))
	n.fillQueue(2000) // some megabytes as JSON; the last one is due
	p := n.start()
	waitStage(t, out, upstreamtest.Dot)
	p.post(letter()) // due at once, were there a connection
	operator, err := net.Dial("unix", n.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	fmt.Fprint(operator, "GET /v1/messages HTTP/1.1\r\nHost: relaykeep\r\n\r\n")
	if _, err := operator.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	idle, err := net.Dial("unix", n.socket) // kept: it is closed when the admin server stops
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	fmt.Fprint(idle, "GET /v1/version HTTP/1.1\r\nHost: relaykeep\r\n\r\n")
	answers := bufio.NewReader(idle)
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	stopping(p)
	if _, err := answers.ReadByte(); err != io.EOF { // after the claims have ended
		t.Fatalf("the admin server goes on: %v", err)
	}
	out.Release()
	out.On(upstreamtest.Dot, nil)
	if status := p.wait(); status != 0 {
		t.Errorf("the daemon ended with status %d", status)
	}
	if got := len(out.Messages()); got != 1 {
		t.Errorf("%d messages were sent, want the one that was on its way", got)
	}
	if len(p.log.all(func(l line) bool { return l["event"] == "in_doubt" })) > 0 {
		t.Error("its outcome is in doubt")
	}
}

// TestStopAtOnce stops the daemon with a second signal while a provider does
// not answer: before the final dot the message is as it was, after it the
// outcome is in doubt.
func TestStopAtOnce(t *testing.T) {
	tests := []struct {
		stage  upstreamtest.Stage
		doubts int
	}{
		{upstreamtest.Mail, 0},
		{upstreamtest.Dot, 1},
	}
	for _, tt := range tests {
		t.Run(string(tt.stage), func(t *testing.T) {
			out := startProvider(t, upstreamtest.Options{})
			out.On(tt.stage, upstreamtest.Always(upstreamtest.Stall()))
			n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
			p := n.start()
			p.post(letter())
			waitStage(t, out, tt.stage)
			stopping(p)
			p.signal(syscall.SIGTERM)
			if status := p.wait(); status != 0 {
				t.Errorf("the daemon ended with status %d", status)
			}
			wantState(t, n, relay.Queued, tt.doubts)
		})
	}
}

func waitStage(t *testing.T, s *upstreamtest.Server, stage upstreamtest.Stage) {
	t.Helper()
	if err := s.WaitStage(patience(t), stage, 1); err != nil {
		t.Fatal(err)
	}
}

// wantState checks the one recipient of the one message of a stopped node.
func wantState(t *testing.T, n *node, state relay.State, doubts int) {
	t.Helper()
	all := n.entries()
	if len(all) != 1 || len(all[0].Recipients) != 1 {
		t.Fatalf("in the spool is %+v", all)
	}
	if r := all[0].Recipients[0]; r.State != state || r.InDoubt != doubts {
		t.Errorf("the recipient is %s, in doubt %d times; want %s, %d", r.State, r.InDoubt, state, doubts)
	}
}
