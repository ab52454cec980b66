package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

var errHost = errors.New(`is not a host name; write one like "relay.example.com"`)

// domain takes a host name: RFC 1123 section 2.1, underscores allowed.
func domain(s string) (string, error) {
	if len(s) == 0 || len(s) > maxName {
		return "", errHost
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", errHost
		}
		if strings.Trim(label, letters) != "" {
			return "", errHost
		}
	}
	return s, nil
}

// maxName is the length of a name of the DNS in text, in bytes (RFC 1035 2.3.4).
const maxName = 253

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// host takes a host name or an IP address.
func host(s string) (string, error) {
	if _, err := netip.ParseAddr(s); err == nil {
		return s, nil
	}
	if _, err := domain(s); err != nil {
		return "", errors.New(`has no valid host; write one like "smtp.example.com:587" or "[2001:db8::1]:587"`)
	}
	return s, nil
}

// hostPort takes "host:port", or "host" for the default port.
func hostPort(defaultPort int) func(string) (string, error) {
	return func(s string) (string, error) {
		if strings.Contains(s, "://") {
			return "", errors.New(`is a URL; write host and port only, like "smtp.example.com:587"`)
		}
		h, p, err := net.SplitHostPort(s)
		if err != nil {
			h, p = s, strconv.Itoa(defaultPort)
			if strings.HasPrefix(h, "[") && strings.HasSuffix(h, "]") {
				h = h[1 : len(h)-1]
			}
		}
		if h, err = host(h); err != nil {
			return "", err
		}
		n, err := port(p)
		if err != nil || n == 0 {
			return "", errPort
		}
		return net.JoinHostPort(h, strconv.Itoa(n)), nil
	}
}

// tcpAddress takes "host:port" to listen on; no host is every address of this
// machine, port 0 any free one.
func tcpAddress(s string) (string, error) {
	h, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", errors.New(`is no address to listen on; write one like "127.0.0.1:2580"`)
	}
	if _, err := host(h); err != nil && h != "" {
		return "", errors.New(`has no valid host; write the address of this machine, like "127.0.0.1:2525"`)
	}
	n, err := port(p)
	if err != nil {
		return "", errPort
	}
	return net.JoinHostPort(h, strconv.Itoa(n)), nil
}

var errPort = errors.New("has no valid port; write a number from 1 to 65535")

// port takes the number of a port, 0 included.
func port(s string) (int, error) {
	n, ok := parseUint(s, 65535)
	if s == "" || digits(s) != len(s) || !ok {
		return 0, errPort
	}
	return int(n), nil
}

// isLoopback is true of loopback addresses and of the name localhost. Other
// names are not looked up: what they mean tomorrow is not ours to say.
func isLoopback(h string) bool {
	if addr, err := netip.ParseAddr(h); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(h, "localhost")
}

// maxSocketPath is what Linux has room for in sun_path, the final NUL taken
// off (unix(7)).
const maxSocketPath = 107

var (
	errSocketEmpty    = errors.New("names no file; write the path of one")
	errSocketAbstract = errors.New("is an abstract socket, which anybody may connect to; write the path of a file")
	errSocketLong     = fmt.Errorf("is too long for a socket; the whole path may have %d bytes", maxSocketPath)
)

// socketPath takes the path of a unix socket.
func socketPath(folder string) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return "", errSocketEmpty
		}
		if s[0] == '@' || strings.ContainsRune(s, 0) {
			return "", errSocketAbstract
		}
		s = absolute(folder, s)
		if len(s) > maxSocketPath {
			return "", errSocketLong
		}
		return s, nil
	}
}
