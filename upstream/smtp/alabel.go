package smtp

import (
	"strings"

	"golang.org/x/net/idna"
)

// asciiAddress writes the domain of an address with A-labels (RFC 5890
// 2.3.2.1), so that a server without SMTPUTF8 takes it; ok is false where the
// local part is not ASCII, which nobody but its domain may change.
func asciiAddress(address string) (ascii string, ok bool) {
	if isASCII(address) {
		return address, true
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !isASCII(address[:at]) {
		return address, false
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || !isASCII(domain) {
		return address, false
	}
	return address[:at+1] + domain, true
}
