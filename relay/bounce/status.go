package bounce

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"relaykeep/relay"
)

// maxStatus bounds the machine-readable part, in bytes. What a thousand
// recipients need has room; beyond, the notice says how many it left out.
const maxStatus = 384 << 10

// The bounds of a Diagnostic-Code, in bytes.
const (
	minDiagnostic = 80
	maxDiagnostic = 900
)

// report is the content of a message/delivery-status (RFC 3464 2).
type report struct {
	content []byte
	told    int  // recipients that it tells of: the first ones
	utf8    bool // it is a message/global-delivery-status (RFC 6533 4)
}

func (n *notice) report() report {
	r := report{utf8: n.global()}
	var b bytes.Buffer
	b.Write(field("Reporting-MTA", "dns; "+n.hostname))
	if id := n.original.EnvelopeID; id != "" {
		b.Write(field("Original-Envelope-Id", printableID(id)))
	}
	b.Write(field("Arrival-Date", date(n.original.ReceivedAt)))
	diagnostic := min(max(maxStatus/len(n.of)-400, minDiagnostic), maxDiagnostic)
	for i := range n.of {
		block := n.block(&n.of[i], r.utf8, diagnostic)
		if b.Len()+len(block) > maxStatus {
			break
		}
		b.WriteString("\r\n")
		b.Write(block)
		r.told++
	}
	r.content = b.Bytes()
	return r
}

// global reports whether an address needs the UTF-8 form.
func (n *notice) global() bool {
	for i := range n.of {
		if !isASCII(n.of[i].Address) {
			return true
		}
	}
	return false
}

// block gives the fields of one recipient.
func (n *notice) block(r *relay.Recipient, utf8 bool, diagnostic int) []byte {
	var b []byte
	add := func(name, value string) { b = append(b, field(name, value)...) }
	if r.OriginalRecipient != "" {
		add("Original-Recipient", originalRecipient(r.OriginalRecipient, utf8))
	}
	add("Final-Recipient", finalRecipient(r.Address))
	add("Action", [...]string{failed: "failed", delayed: "delayed", relayed: "relayed"}[n.cause])
	add("Status", status(r, n.cause))
	if host := n.remote(r); host != "" {
		add("Remote-MTA", "dns; "+host)
	}
	if code := diagnosticCode(&r.Last, diagnostic); code != "" {
		add("Diagnostic-Code", code)
	}
	if !r.LastAt.IsZero() {
		add("Last-Attempt-Date", date(r.LastAt))
	}
	if n.cause == delayed && !r.ExpiresAt.IsZero() {
		add("Will-Retry-Until", date(r.ExpiresAt))
	}
	return b
}

// remote names the host that was asked last, "" where none was or its name is
// not known any more.
func (n *notice) remote(r *relay.Recipient) string {
	if r.Upstream == "" || n.remoteHost == nil {
		return ""
	}
	host := asciiLine(n.remoteHost(r.Upstream), relay.MaxDomain)
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Is6() {
			return "[IPv6:" + host + "]"
		}
		return "[" + host + "]"
	}
	return host
}

// date is a date of RFC 5322 3.3.
func date(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

// printableID is an envelope identifier, decoded; what is not printable is
// encoded again.
func printableID(id string) string {
	if isASCII(id) && strings.TrimSpace(id) == id {
		return id
	}
	return xtext(id)
}

func finalRecipient(address string) string {
	if isASCII(address) {
		return "rfc822; " + address
	}
	return "utf-8; " + address
}

// originalRecipient is an ORCPT, which is kept decoded. It is a stranger's
// word: what the part cannot hold is encoded again (RFC 3461 4, RFC 6533 3).
func originalRecipient(orcpt string, utf8 bool) string {
	kind, address, ok := strings.Cut(orcpt, ";")
	if !ok || kind == "" || !isASCII(kind) || strings.Contains(kind, " ") {
		return "unknown; " + xtext(orcpt)
	}
	switch {
	case isASCII(address), utf8 && isText(address):
	case strings.EqualFold(kind, "utf-8") && isText(address):
		address = utf8Escaped(address)
	default:
		address = xtext(address)
	}
	return kind + "; " + address
}

// utf8Escaped is the utf-8-addr-xtext of RFC 6533 3.
func utf8Escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > ' ' && r < 0x7f && r != '+' && r != '=' && r != '\\' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\x{%X}`, r)
		}
	}
	return b.String()
}

// status is the status code of RFC 3463 that fits the cause: that of the last
// answer where it does.
func status(r *relay.Recipient, c cause) string {
	said := r.Last.Enhanced
	class := byte(0)
	if isStatus(said) {
		class = said[0]
	}
	switch {
	case c == relayed:
		return orElse(said, class == '2', "2.0.0")
	case c == delayed:
		return orElse(said, class == '4', "4.0.0")
	case r.State == relay.Expired:
		return "4.4.7" // delivery time expired
	case r.Last.Code/100 == 4:
		return orElse(said, class == '4', "4.0.0") // a temporary answer that a rule takes as final
	}
	return orElse(said, class == '5', "5.0.0")
}

func orElse(s string, ok bool, other string) string {
	if ok {
		return s
	}
	return other
}

// isStatus reports whether s is a status code: "5.1.1" (RFC 3463 2).
func isStatus(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return false
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// diagnosticCode is the last answer as it came, or why none came; "" where
// nobody was asked.
func diagnosticCode(v *relay.Verdict, most int) string {
	if v.Code == 0 {
		if v.Text == "" {
			return ""
		}
		return "x-relaykeep; " + asciiLine(v.Text, most)
	}
	return "smtp; " + asciiLine(answer(v), most)
}

// answer is a reply with its codes, in one line.
func answer(v *relay.Verdict) string {
	s := v.Text
	if v.Enhanced != "" {
		s = v.Enhanced + " " + s
	}
	if v.Code != 0 {
		s = fmt.Sprintf("%d %s", v.Code, s)
	}
	return s
}
