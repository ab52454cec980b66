package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
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

// smtpSink is a running smtp-sink.
type smtpSink struct {
	cmd    *exec.Cmd
	listen int
	arrivals
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
	s := &smtpSink{listen: port, arrivals: newArrivals(), cmd: exec.Command(tool("smtp-sink"), append(args, fmt.Sprintf("127.0.0.1:%d", port), "500")...)}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go s.read(out)
	if err := waitPort(ctx, port); err != nil {
		s.stop()
		return nil, fmt.Errorf("smtp-sink: %w", err)
	}
	return s, nil
}

func (s *smtpSink) port() int { return s.listen }

// read reads "sess=1 quit=1 mesg=1", a line for each change, ended by CR.
func (s *smtpSink) read(out io.Reader) {
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
			s.change(func() { s.got = got })
		}
	}
	s.change(func() { s.ended = true })
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

// freePort gives a port that nobody listens on, below those that Linux gives to
// connections: one of these could take it before who asked for it does.
func freePort() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 15_000+rand.IntN(15_000)))
		if err == nil {
			return l.Addr().(*net.TCPAddr).Port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}
