package config

import (
	"errors"
	"net"
	"strings"
	"time"

	"relaykeep/relay/filter"
)

const (
	tcpPrefix = "tcp:"

	// maxFiltering bounds the time-outs of all filters together: clients wait
	// ten minutes for the reply to their message (RFC 5321 4.5.3.2.6).
	maxFiltering = 9 * time.Minute
)

// readFilters reads the blocks filter, in the order in which filters are asked.
func readFilters(s *section) []filter.Options {
	var all []filter.Options
	var sum time.Duration
	for _, b := range s.named("filter") {
		f := readFilter(b)
		all = append(all, f)
		if sum += f.Timeout; sum > maxFiltering {
			b.errorAt(b.at("timeout"), "%s: the time-outs of the filters up to here make %v together; %v is the most, for clients wait no longer",
				b.title, sum, maxFiltering)
			sum = 0
		}
	}
	return all
}

// readFilter reads a block filter.
func readFilter(s *section) filter.Options {
	f := filter.Options{Name: s.name}
	at := needed(s, "milter", `"tcp:127.0.0.1:11332"`, milter(s.d.folder))
	f.Network, f.Address, _ = strings.Cut(at, ":")
	f.Timeout = read(s, "timeout", filter.DefaultTimeout, positiveDuration)
	f.PassOnError = s.choice("on_error", "tempfail", "tempfail", "accept") == "accept"
	if h, _, err := net.SplitHostPort(f.Address); err == nil && f.Network == "tcp" && !isLoopback(h) {
		s.warn("milter", "mail goes to %s in clear; the protocol knows no TLS", h)
	}
	s.end()
	return f
}

// milter takes "tcp:host:port" and "unix:path".
func milter(folder string) func(string) (string, error) {
	return func(v string) (string, error) {
		if file, ok := strings.CutPrefix(v, unixPrefix); ok {
			path, err := socketPath(folder)(file)
			return unixPrefix + path, err
		}
		address, ok := strings.CutPrefix(v, tcpPrefix)
		h, p, err := net.SplitHostPort(address)
		if ok && err == nil {
			_, err = host(h)
		}
		if n, bad := port(p); !ok || err != nil || bad != nil || n == 0 {
			return "", errors.New(`is no milter; write "tcp:127.0.0.1:11332" or "unix:/run/milter.sock"`)
		}
		return v, nil
	}
}
