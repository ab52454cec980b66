package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// load sends the messages of a scenario and returns when all are accepted.
func load(ctx context.Context, s scenario, port int) error {
	args := []string{
		"-s", strconv.Itoa(s.sessions), "-m", strconv.Itoa(s.messages), "-l", strconv.Itoa(s.size),
		"-f", "app@example.com", "-t", "someone@example.org",
	}
	if s.kept {
		args = append(args, "-d")
	}
	cmd := exec.CommandContext(ctx, tool("smtp-source"), append(args, fmt.Sprintf("127.0.0.1:%d", port))...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("smtp-source: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// smtpSink is a running smtp-sink that counts.
type smtpSink struct {
	cmd    *exec.Cmd
	listen int

	mu    sync.Mutex
	grown *sync.Cond
	got   int
	ended bool
}

func startSink(ctx context.Context) (sink, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-c", "-m", "500"}
	if os.Getuid() == 0 {
		args = append(args, "-u", "nobody")
	}
	s := &smtpSink{listen: port, cmd: exec.Command(tool("smtp-sink"), append(args, fmt.Sprintf("127.0.0.1:%d", port), "500")...)}
	s.grown = sync.NewCond(&s.mu)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.count(out)
	if err := waitPort(ctx, port); err != nil {
		s.stop()
		return nil, fmt.Errorf("smtp-sink: %w", err)
	}
	return s, nil
}

func (s *smtpSink) port() int { return s.listen }

// count reads "sess=1 quit=1 mesg=1", a line for each change, ended by CR.
func (s *smtpSink) count(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Split(func(data []byte, eof bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\r'); i >= 0 {
			return i + 1, data[:i], nil
		}
		return 0, nil, nil
	})
	for lines.Scan() {
		_, n, ok := strings.Cut(lines.Text(), "mesg=")
		if got, err := strconv.Atoi(strings.TrimSpace(n)); ok && err == nil {
			s.mu.Lock()
			s.got = got
			s.mu.Unlock()
			s.grown.Broadcast()
		}
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.grown.Broadcast()
}

// wait returns when n messages have arrived.
func (s *smtpSink) wait(ctx context.Context, n int) error {
	defer context.AfterFunc(ctx, s.grown.Broadcast)()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.got < n {
		if s.ended || ctx.Err() != nil {
			return fmt.Errorf("%d of %d messages arrived", s.got, n)
		}
		s.grown.Wait()
	}
	return nil
}

func (s *smtpSink) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// tool finds a program, in /usr/sbin too, which is not on everybody's path.
func tool(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
