package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"relaykeep/relay/admin"
	"relaykeep/relay/config"
)

// door is an address at which the daemon takes mail in.
type door struct {
	network, address string
	implicitTLS      bool
	startTLS         bool // it is wanted before any mail
}

// defaultDoors are those of the listener that there is without configuration.
func defaultDoors() []door {
	return []door{
		{network: "unix", address: "/run/relaykeep/smtp.sock"},
		{network: "tcp", address: "127.0.0.1:2525"},
		{network: "tcp", address: "[::1]:2525"},
	}
}

// entrance is a door, and whether it wants a login, which we never make.
type entrance struct {
	door
	locked bool
}

// doors gives the addresses of the listeners as they are reached from this
// machine.
func doors(listeners []config.Listener) []door {
	var all []entrance
	for _, l := range listeners {
		for _, a := range l.Addresses {
			e := entrance{door: door{network: "tcp"}, locked: l.Auth != nil && l.Auth.Required}
			if l.TLS != nil {
				e.implicitTLS, e.startTLS = l.TLS.Implicit, l.TLS.Required
			}
			if path, ok := strings.CutPrefix(a, "unix:"); ok {
				e.network, e.address = "unix", path
			} else if e.address, ok = reachable(a); !ok {
				continue
			}
			all = append(all, e)
		}
	}
	return easiestFirst(all)
}

// boundDoors are those of a running daemon, as it tells them: sockets that systemd
// has passed, too.
func boundDoors(listeners []admin.ListenerStatus) []door {
	var all []entrance
	for _, l := range listeners {
		for _, a := range l.Addresses {
			e := entrance{locked: l.Login}
			e.network, e.address, _ = strings.Cut(a, " ")
			if e.network != "unix" {
				e.address, _ = reachable(e.address)
			}
			e.implicitTLS, e.startTLS = l.TLS == admin.TLSImplicit, l.TLS == admin.TLSRequired
			all = append(all, e)
		}
	}
	return easiestFirst(all)
}

// easiestFirst gives those first that ask for least: unix sockets, then plain TCP,
// then TLS, then those that want a login.
func easiestFirst(all []entrance) []door {
	var unix, plain, secure, locked []door
	for _, e := range all {
		switch {
		case e.locked:
			locked = append(locked, e.door)
		case e.implicitTLS || e.startTLS:
			secure = append(secure, e.door)
		case e.network == "unix":
			unix = append(unix, e.door)
		default:
			plain = append(plain, e.door)
		}
	}
	return slices.Concat(unix, plain, secure, locked)
}

// reachable turns the address of a listener into one to dial. What systemd
// holds is not known here.
func reachable(listen string) (address string, ok bool) {
	if strings.HasPrefix(listen, "systemd:") {
		return "", false
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", false
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && ip.IsUnspecified() && ip.Is4():
		host = "127.0.0.1"
	case err == nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), true
}
