package config

import (
	"errors"
	"io/fs"
	"net"
	"strconv"
)

// readAdmin reads the block admin.
func readAdmin(s *section) Admin {
	a := Admin{
		Socket: read(s, "socket", "/run/relaykeep/admin.sock", socketPath(s.d.folder)),
		Group:  s.text("group", ""),
		Mode:   read(s, "mode", 0o660, fileMode),
	}
	if a.Mode&0o002 != 0 {
		s.warn("mode", "everybody on this machine may read and delete mail; leave the last digit 0 and name a group")
	}
	read(s, "http", "", optional(tcpAddress))
	s.file("token_file", "")
	s.end()
	return a
}

var errMode = errors.New(`is not a file mode; write one like "0660"`)

// fileMode takes octal permission bits. The owner is always let in.
func fileMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 16)
	if err != nil || n > 0o777 || len(s) < 3 {
		return 0, errMode
	}
	if n&0o600 != 0o600 {
		return 0, errors.New(`keeps the owner out; the first digit is 6 or 7, as in "0660"`)
	}
	return fs.FileMode(n), nil
}

// readMetrics reads the block metrics. Without it nothing listens.
func readMetrics(s *section) Metrics {
	fallback := ""
	if s.written {
		fallback = "127.0.0.1:2581"
	}
	m := Metrics{Address: read(s, "address", fallback, tcpAddress)}
	if h, _, err := net.SplitHostPort(m.Address); err == nil && !isLoopback(h) {
		s.warn("address", "whoever reaches it can read the numbers, there is no login: let only your monitoring through")
	}
	s.end()
	return m
}

// readLog reads the block log.
func readLog(s *section) Log {
	l := Log{
		Level: s.choice("level", "info", "trace", "debug", "info", "warn", "error"),
		JSON:  s.choice("format", "json", "json", "text") == "json",
		File:  s.file("file", ""),
	}
	switch s.choice("addresses", "partial", "full", "partial", "hash") {
	case "full":
		l.Addresses = AddressFull
	case "hash":
		l.Addresses = AddressHash
	}
	s.end()
	return l
}
