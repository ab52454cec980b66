package smtp

import (
	"strconv"
	"strings"

	"relaykeep/relay"
)

// onWire reports whether an address (without its angle brackets) stays one on
// the wire: no control characters anywhere; no spaces and no angle brackets
// outside of a quoted local part; every quote closed.
func onWire(address string) bool {
	quoted := false
	for i := 0; i < len(address); i++ {
		switch b := address[i]; {
		case b < ' ' || b == 0x7f:
			return false
		case quoted && b == '\\':
			if i++; i == len(address) || address[i] < ' ' || address[i] == 0x7f {
				return false
			}
		case b == '"':
			quoted = !quoted
		case !quoted && (b == ' ' || b == '<' || b == '>'):
			return false
		}
	}
	return !quoted
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// appendMail appends the MAIL command for a message of size bytes, with the
// parameters that the server understands.
func appendMail(b []byte, m *relay.Message, size int64, ext *extensions) []byte {
	b = append(b, "MAIL FROM:<"...)
	b = append(b, m.From...)
	b = append(b, '>')
	if ext.hasSize {
		b = append(b, " SIZE="...)
		b = strconv.AppendInt(b, size, 10)
	}
	if m.EightBit && ext.eightBit {
		b = append(b, " BODY=8BITMIME"...)
	}
	if m.UTF8 && ext.utf8 {
		b = append(b, " SMTPUTF8"...)
	}
	if ext.dsn && (m.Return == "FULL" || m.Return == "HDRS") {
		b = append(append(b, " RET="...), m.Return...)
	}
	if ext.dsn && m.EnvelopeID != "" {
		b = appendXtext(append(b, " ENVID="...), m.EnvelopeID)
	}
	return append(b, "\r\n"...)
}

// appendRcpt appends the RCPT command. utf8 tells that the transaction is one
// of SMTPUTF8.
func appendRcpt(b []byte, r *relay.Recipient, utf8 bool, ext *extensions) []byte {
	b = append(b, "RCPT TO:<"...)
	b = append(b, r.Address...)
	b = append(b, '>')
	if ext.dsn && isNotify(r.Notify) {
		b = append(append(b, " NOTIFY="...), r.Notify...)
	}
	if ext.dsn && r.OriginalRecipient != "" {
		b = appendORCPT(b, r.OriginalRecipient, utf8)
	}
	return append(b, "\r\n"...)
}

// isNotify reports whether s can be a NOTIFY value: capitals and commas.
func isNotify(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < 'A' || s[i] > 'Z') && s[i] != ',' {
			return false
		}
	}
	return s != ""
}

// appendORCPT appends the original recipient of RFC 3461, section 4.2, or of
// RFC 6533, section 3 for the type utf-8; nothing where the type is no atom.
func appendORCPT(b []byte, original string, utf8 bool) []byte {
	kind, address, ok := strings.Cut(original, ";")
	if !ok || kind == "" || strings.ContainsFunc(kind, func(r rune) bool { return r <= ' ' || r == '=' || r >= 0x7f }) {
		return b
	}
	b = append(append(append(b, " ORCPT="...), kind...), ';')
	if strings.EqualFold(kind, "utf-8") {
		return appendUTF8Xtext(b, address, utf8)
	}
	return appendXtext(b, address)
}

// appendXtext encodes as RFC 3461, section 4 wants it.
func appendXtext(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			b = append(b, '+', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// appendUTF8Xtext encodes as utf-8-addr-xtext, or with raw as
// utf-8-addr-unitext, of RFC 6533.
func appendUTF8Xtext(b []byte, s string, raw bool) []byte {
	for _, r := range s {
		special := r <= ' ' || r == 0x7f || r == '+' || r == '=' || r == '\\'
		if special || (r >= 0x80 && !raw) {
			b = append(b, `\x{`...)
			b = append(b, strings.ToUpper(strconv.FormatInt(int64(r), 16))...)
			b = append(b, '}')
		} else {
			b = append(b, string(r)...)
		}
	}
	return b
}
