package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay/config"
)

// logs are the loggers of the daemon: one for itself, one for the events, so
// that a reader that stalls the latter stalls nothing else.
type logs struct {
	daemon, events hclog.Logger
	close          func() error
}

// openLogs opens what the configuration says, standard error by default.
func openLogs(c config.Log, stderr io.Writer) (logs, error) {
	out, end := stderr, func() error { return nil }
	if c.File != "" {
		f, err := os.OpenFile(c.File, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
		if err != nil {
			return logs{}, fmt.Errorf("the log: %w; set file in the block log to another path", err)
		}
		out, end = f, f.Close
	}
	logger := func() hclog.Logger {
		return hclog.New(&hclog.LoggerOptions{
			Level: hclog.LevelFromString(c.Level), Output: out,
			JSONFormat: c.JSON, JSONEscapeDisabled: true, // <id@host> is for people, not for HTML
		})
	}
	return logs{daemon: logger(), events: logger(), close: end}, nil
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
