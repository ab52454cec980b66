package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"relaykeep/upstream/upstreamtest"
)

// A script that waits for longer than this is broken.
const patience = 30 * time.Second

type providersKey struct{}
type notifyKey struct{}
type activatedKey struct{}

// cmdProvider starts a fake provider: provider NAME [login] sets $NAME to its
// address. With login it wants user and pass, in clear.
func cmdProvider(ts *testscript.TestScript, _ bool, args []string) {
	var o upstreamtest.Options
	if len(args) > 1 {
		o.Users = map[string]string{"user": "pass"}
	}
	s, err := upstreamtest.Start(o)
	ts.Check(err)
	ts.Defer(func() { s.Close() })
	ts.Setenv(args[0], s.Addr())
	providers(ts)[args[0]] = s
}

func providers(ts *testscript.TestScript) map[string]*upstreamtest.Server {
	return ts.Value(providersKey{}).(map[string]*upstreamtest.Server)
}

// cmdSays scripts a reply of a provider: says NAME STAGE REPLY, or nothing at
// all for ever where there is no REPLY.
func cmdSays(ts *testscript.TestScript, _ bool, args []string) {
	script := upstreamtest.Always(upstreamtest.Stall())
	if len(args) > 2 {
		script = upstreamtest.Always(upstreamtest.Reply(args[2]))
	}
	providers(ts)[args[0]].On(upstreamtest.Stage(args[1]), script)
}

// cmdArrived waits until a provider has so many messages: arrived NAME N.
func cmdArrived(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err = providers(ts)[args[0]].WaitMessages(ctx, n)
	ts.Check(err)
}

// cmdTook waits for the n-th message of a provider and writes it into a file,
// its envelope on top: took NAME N FILE.
func cmdTook(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all, err := providers(ts)[args[0]].WaitMessages(ctx, n)
	ts.Check(err)
	m := all[n-1]
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL <%s> %s\n", m.From, strings.Join(m.Params, " "))
	for _, to := range m.To {
		fmt.Fprintf(&b, "RCPT <%s> %s\n", to.Address, strings.Join(to.Params, " "))
	}
	b.WriteString(strings.ReplaceAll(string(m.Body), "\r\n", "\n"))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(b.String()), 0o600))
}

// cmdReached waits until a stage of a provider was reached: reached NAME STAGE.
func cmdReached(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(providers(ts)[args[0]].WaitStage(ctx, upstreamtest.Stage(args[1]), 1))
}

// cmdNotify listens in place of systemd, for the commands that follow.
func cmdNotify(ts *testscript.TestScript, _ bool, _ []string) {
	path := ts.MkAbs("notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() { c.Close() })
	ts.Setenv("NOTIFY_SOCKET", path)
	told := make(chan string, 1<<16) // nobody stalls who tells
	go func() {
		defer close(told)
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			for line := range strings.SplitSeq(strings.TrimSpace(string(buf[:n])), "\n") {
				told <- line
			}
		}
	}()
	*ts.Value(notifyKey{}).(*chan string) = told
}

// cmdNotified waits until systemd is told so: notified READY=1.
func cmdNotified(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	told := *ts.Value(notifyKey{}).(*chan string)
	for {
		select {
		case line := <-told:
			if line == args[0] {
				return
			}
		case <-ctx.Done():
			ts.Fatalf("systemd was not told %s", args[0])
		}
	}
}

// cmdPID sets a variable to the process behind an admin socket: pid NAME FILE.
func cmdPID(ts *testscript.TestScript, _ bool, args []string) {
	c, err := net.Dial("unix", ts.MkAbs(args[1]))
	ts.Check(err)
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	ts.Check(err)
	var peer *unix.Ucred // of who called listen
	ts.Check(raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }))
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(int(peer.Pid)))
}

// cmdSignal sends a signal to a process: signal HUP PID.
func cmdSignal(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(unix.Kill(pid, unix.SignalNum("SIG"+args[0])))
}

// cmdActivate starts the daemon as systemd does that holds its sockets: one of
// this name, and one named other. It writes to daemon.log.
func cmdActivate(ts *testscript.TestScript, _ bool, args []string) {
	// LISTEN_PID is that of the daemon itself, which only exec keeps.
	cmd := exec.Command("sh", "-c", "LISTEN_PID=$$ exec relaykeep serve")
	cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{"PATH", "RELAYKEEP_CONFIG", "NOTIFY_SOCKET", "GORACE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Env = append(cmd.Env, "LISTEN_FDS=2", "LISTEN_FDNAMES="+args[0]+":other")
	log, err := os.Create(ts.MkAbs("daemon.log"))
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		ts.Check(err)
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = cmd.Process.Kill() }) // an error: it has exited
	*ts.Value(activatedKey{}).(**exec.Cmd) = cmd
}

// cmdExited waits until what activate started has ended well.
func cmdExited(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check((*ts.Value(activatedKey{}).(**exec.Cmd)).Wait())
}
