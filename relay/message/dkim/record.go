package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

// RecordName is where the record of a key is found (RFC 6376 3.6.2.1).
func RecordName(selector, domain string) string { return selector + "._domainkey." + domain }

// Record gives the text of the DNS record of a public key (RFC 6376 3.6.1, RFC
// 8463 4). Keys are those of Key.Private.
func Record(public crypto.PublicKey) (string, error) {
	name, _ := Algorithm(public)
	raw, ed := public.(ed25519.PublicKey)
	if !ed {
		var err error
		if raw, err = x509.MarshalPKIXPublicKey(public); err != nil {
			return "", err
		}
	}
	return "v=DKIM1; k=" + name + "; p=" + base64.StdEncoding.EncodeToString(raw), nil
}

// maxString bounds a string of a TXT record, in bytes (RFC 1035 3.3.14).
const maxString = 255

// ZoneRecord gives a TXT record as a zone file has it (RFC 1035 5.1), the final
// line end included. A long text is split into strings, one a line, which
// verifiers join without anything between.
func ZoneRecord(name, text string) string {
	var parts []string
	for len(text) > maxString {
		parts, text = append(parts, text[:maxString]), text[maxString:]
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%s. IN TXT %q\n", name, text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s. IN TXT (\n", name)
	for _, p := range append(parts, text) {
		fmt.Fprintf(&b, "\t%q\n", p)
	}
	b.WriteString(")\n")
	return b.String()
}
