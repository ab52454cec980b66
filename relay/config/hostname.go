package config

import (
	"bufio"
	"io"
	"net"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// readHostname reads our own name.
func readHostname(s *section) string {
	if s.has("hostname") {
		return read(s, "hostname", "", domain)
	}
	return MachineName()
}

// MachineName is what the key hostname is where it is not given: the name of
// this machine with its domain, as far as that is known here; see fullName.
func MachineName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	hosts, err := os.Open("/etc/hosts")
	if err != nil {
		return fullName(name, strings.NewReader(""))
	}
	defer hosts.Close()
	return fullName(name, io.LimitReader(hosts, maxFile))
}

// fullName gives the name of this machine with its domain: name itself if it
// has one, else the first name with a dot on a line of hosts(5) that lists
// name. DNS is not asked: it may hang or lie, and a start must not depend on
// it. Without any domain it gives name, or "localhost" where that is no name
// to say in EHLO.
func fullName(name string, hosts io.Reader) string {
	if strings.Contains(name, ".") {
		return validOr(name, "localhost")
	}
	lines := bufio.NewScanner(hosts)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		full, listed := "", false
		for i, field := range fields {
			switch {
			case i == 0: // the address
			case strings.EqualFold(field, name):
				listed = true
			case full == "" && strings.Contains(field, "."):
				full = field
			}
		}
		if listed && full != "" {
			return validOr(full, name)
		}
	}
	return validOr(name, "localhost")
}

func validOr(name, otherwise string) string {
	if _, err := domain(name); err != nil {
		return otherwise
	}
	return name
}

// warnShortName tells that the name that was found has no domain, unless all
// mail stays on this machine: some providers refuse such a name in EHLO.
func warnShortName(s *section, c *Config) {
	if s.has("hostname") || strings.Contains(c.Hostname, ".") {
		return
	}
	for _, u := range c.Upstreams {
		if h, _, _ := net.SplitHostPort(u.Address); h != "" && !isLoopback(h) {
			s.d.add(true, hcl.Range{}, "this machine has no full name (it is %q), and some providers refuse that; add hostname = \"relay.example.com\"", c.Hostname)
			return
		}
	}
}
