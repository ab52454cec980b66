package message

import (
	"net/netip"
	"strings"
	"time"
)

// Trace is what a Received line tells (RFC 5321 4.4).
type Trace struct {
	Hello    string     // as the client gave it; untrusted
	Client   netip.Addr // the zero Addr: a unix socket
	Hostname string     // ours
	Instance string     // names this relay, so that a loop is told from a neighbour of the same name; "" leaves it out
	Protocol string     // see Protocol
	TLS      string     // version and cipher; "" for none
	ID       string
	For      string // the recipient, in its wire form; "" where there are several
	At       time.Time
	Minimal  bool // leaves out Hello and Client
}

// maxHello bounds the client's name in a Received line, in bytes.
const maxHello = 255

// Received gives the Received field, folded, its last CRLF included. No line
// of it is over 998 bytes, and nothing in it that a stranger chose can end it.
func (t Trace) Received() string {
	var b strings.Builder
	b.Grow(256)
	b.WriteString("Received: ")
	if !t.Minimal {
		b.WriteString("from ")
		b.WriteString(helloName(t.Hello))
		b.WriteString(" (")
		b.WriteString(clientName(t.Client))
		b.WriteString(")\r\n\t")
	}
	b.WriteString("by ")
	b.WriteString(t.Hostname)
	if t.Instance != "" {
		b.WriteString(" (")
		b.WriteString(InstanceComment(t.Instance))
		b.WriteString(")")
	}
	b.WriteString(" with ")
	b.WriteString(t.Protocol)
	if t.TLS != "" {
		b.WriteString(" (")
		b.WriteString(t.TLS)
		b.WriteString(")")
	}
	b.WriteString("\r\n\tid ")
	b.WriteString(t.ID)
	if t.For != "" {
		b.WriteString("\r\n\tfor <")
		b.WriteString(t.For)
		b.WriteString(">")
	}
	b.WriteString(";\r\n\t")
	b.WriteString(t.At.Format(DateLayout))
	b.WriteString(crlf)
	return b.String()
}

// InstanceComment is how a relay's own Received lines name it.
func InstanceComment(instance string) string { return "relaykeep " + instance }

// helloName keeps what a domain or an address literal may hold, and stands a
// question mark for the rest.
func helloName(s string) string {
	if s == "" {
		return "unknown"
	}
	if len(s) > maxHello {
		s = s[:maxHello]
	}
	b := []byte(s)
	for i, c := range b {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".-_:[]", c) >= 0) {
			b[i] = '?'
		}
	}
	return string(b)
}

func clientName(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsValid():
		return "local socket"
	case ip.Is4():
		return "[" + ip.String() + "]"
	}
	return "[IPv6:" + ip.String() + "]"
}

// Protocol names the way that a message came by its registered keyword
// (RFC 3848, RFC 6531 3.7.3).
func Protocol(extended, utf8, tls, auth bool) string {
	name := "SMTP"
	switch {
	case utf8:
		name = "UTF8SMTP"
	case extended:
		name = "ESMTP"
	default:
		return name
	}
	if tls {
		name += "S"
	}
	if auth {
		name += "A"
	}
	return name
}
