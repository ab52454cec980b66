package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay/config"
)

// logs are the loggers of the daemon: one for itself, one for the events, so
// that a reader that stalls the latter stalls nothing else. Both write to one
// outlet.
type logs struct {
	daemon, events hclog.Logger
	lines          io.Writer // of events, where they are JSON; nil: events writes them
	out            *outlet
}

// openLogs opens what the configuration says, standard error by default.
func openLogs(c config.Log, stderr io.Writer) (logs, error) {
	out := &outlet{stderr: stderr}
	use, _, err := out.open(c)
	if err != nil {
		return logs{}, err
	}
	use()
	logger := func() hclog.Logger {
		return hclog.New(&hclog.LoggerOptions{
			Level: hclog.LevelFromString(c.Level), Output: out,
			JSONFormat: c.JSON, JSONEscapeDisabled: true, // <id@host> is for people, not for HTML
		})
	}
	l := logs{daemon: logger(), events: logger(), out: out}
	if c.JSON {
		l.lines = out
	}
	return l, nil
}

// outlet is where the lines of a log go. Its place can change while they come:
// to a file of another name, or to a new one of the same name after the old one
// was moved away, as logrotate does.
type outlet struct {
	stderr io.Writer

	mu   sync.Mutex
	w    io.Writer
	file *os.File // nil: w is none of ours
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

// open opens what a configuration says, and changes nothing yet: use does, and
// drop gives it up. One of them is to be called.
func (o *outlet) open(c config.Log) (use, drop func(), err error) {
	if c.File == "" {
		return func() { o.change(o.stderr, nil) }, func() {}, nil
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return nil, nil, fmt.Errorf("the log: %w; set file in the block log to another path", err)
	}
	return func() { o.change(f, f) }, func() { _ = f.Close() }, nil
}

func (o *outlet) change(w io.Writer, file *os.File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		_ = o.file.Close() // nothing of it is buffered by us
	}
	o.w, o.file = w, file
}

// close ends the outlet: what comes later is lost.
func (o *outlet) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	o.file = nil
	return err
}

// takeStandard makes lines of the daemon's log, at level debug, of what
// libraries say by the standard logger: they would stand between the JSON.
// end gives that its old output back.
func (l logs) takeStandard() (end func()) {
	out, flags := log.Writer(), log.Flags()
	log.SetOutput(l.daemon.StandardWriter(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}))
	log.SetFlags(0)
	return func() {
		log.SetOutput(out)
		log.SetFlags(flags)
	}
}
