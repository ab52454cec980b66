package config

import (
	"errors"
	"strconv"
	"strings"
)

// readPending reads the blocks that have no behaviour yet. They are checked
// all the same, so that a typing error in them is told as one.
func readPending(s *section) {
	for _, f := range s.named("filter") {
		readFilter(f)
	}
	if b := s.block("bounce"); b.written {
		readBounce(b)
	}
	if d := s.block("dedupe"); d.written {
		readDedupe(d)
	}
	readWatching(s)
}

// readFilter reads a block filter.
func readFilter(s *section) {
	needed(s, "milter", `"tcp:127.0.0.1:11332"`, milter(s.d.folder))
	read(s, "timeout", 0, positiveDuration)
	s.choice("on_error", "tempfail", "tempfail", "accept")
	s.end()
}

// milter takes "tcp:host:port" and "unix:path".
func milter(folder string) func(string) (string, error) {
	return func(v string) (string, error) {
		if file, ok := strings.CutPrefix(v, unixPrefix); ok {
			return socketPath(folder)(file)
		}
		address, ok := strings.CutPrefix(v, "tcp:")
		if _, err := tcpAddress(address); !ok || err != nil {
			return "", errors.New(`is no milter; write "tcp:127.0.0.1:11332" or "unix:/run/milter.sock"`)
		}
		return v, nil
	}
}

// readBounce reads a block bounce.
func readBounce(s *section) {
	read(s, "to", "sender", func(v string) (string, error) {
		if v == "sender" || v == "none" {
			return v, nil
		}
		if _, err := mailAddress(v); err != nil {
			return "", errors.New(`is not "sender", "none" or a mail address`)
		}
		return v, nil
	})
	read(s, "copy", "", optional(mailAddress))
	read(s, "from", "", optional(mailAddress))
	s.choice("return", "headers", "headers", "full")
	s.end()
}

// readDedupe reads the block dedupe.
func readDedupe(s *section) {
	read(s, "header", "", fieldName)
	read(s, "window", 0, positiveDuration)
	s.end()
}

var errDecimal = errors.New(`is not a number; write one like "0.9"`)

// decimal takes a number that is not negative.
func decimal(v string) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1e18) {
		return 0, errDecimal
	}
	return f, nil
}
