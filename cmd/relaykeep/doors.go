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

// doors gives the addresses of the listeners as they are reached from this
// machine, those first that ask for least: unix sockets, then plain TCP, then
// TLS, then those that want a login.
func doors(listeners []config.Listener) []door {
	var unix, plain, secure, locked []door
	for _, l := range listeners {
		for _, a := range l.Addresses {
			d := door{network: "tcp"}
			if l.TLS != nil {
				d.implicitTLS, d.startTLS = l.TLS.Implicit, l.TLS.Required
			}
			if path, ok := strings.CutPrefix(a, "unix:"); ok {
				d.network, d.address = "unix", path
			} else if d.address, ok = reachable(a); !ok {
				continue
			}
			switch {
			case l.Auth != nil && l.Auth.Required:
				locked = append(locked, d)
			case d.implicitTLS || d.startTLS:
				secure = append(secure, d)
			case d.network == "unix":
				unix = append(unix, d)
			default:
				plain = append(plain, d)
			}
		}
	}
	return slices.Concat(unix, plain, secure, locked)
}

// boundDoors are those of a running daemon, as it tells them: sockets that systemd
// has passed, too.
func boundDoors(listeners []admin.ListenerStatus) []door {
	var unix, plain, secure, locked []door
	for _, l := range listeners {
		for _, a := range l.Addresses {
			network, address, _ := strings.Cut(a, " ")
			d := door{network: network, address: address, implicitTLS: l.TLS == admin.TLSImplicit, startTLS: l.TLS == admin.TLSRequired}
			if network != "unix" {
				d.address, _ = reachable(address)
			}
			switch {
			case l.Login:
				locked = append(locked, d)
			case d.implicitTLS || d.startTLS:
				secure = append(secure, d)
			case network == "unix":
				unix = append(unix, d)
			default:
				plain = append(plain, d)
			}
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
