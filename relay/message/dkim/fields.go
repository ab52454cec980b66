package dkim

import (
	"fmt"
	"strings"

	"relaykeep/relay/message"
)

// signedField is a header field that is signed.
type signedField struct {
	name string
	// absent: named even where the message has none, so that none can be added
	// later.
	absent bool
}

// signedFields are the fields of RFC 6376 5.4.1, and those that change what a
// reader sees or does (RFC 8058 wants List-Unsubscribe-Post signed), the most
// important first.
//
// What a relay, a list or a forwarder may add with good reason (Sender, the
// fields of MIME, Resent-… and List-…) is named only where it is there: several
// providers add List-Unsubscribe, and nobody's mail should break by that.
func signedFields() []signedField {
	return []signedField{
		{"From", true},
		{"Reply-To", true},
		{"Subject", true},
		{"Date", true},
		{"To", true},
		{"Cc", true},
		{"Message-ID", true},
		{"In-Reply-To", true},
		{"References", true},
		{"Sender", false},
		{"MIME-Version", false},
		{"Content-Type", false},
		{"Content-Transfer-Encoding", false},
		{"List-Unsubscribe", false},
		{"List-Unsubscribe-Post", false},
		{"List-Id", false},
		{"List-Help", false},
		{"List-Subscribe", false},
		{"List-Post", false},
		{"List-Owner", false},
		{"List-Archive", false},
		{"Resent-Date", false},
		{"Resent-From", false},
		{"Resent-To", false},
		{"Resent-Cc", false},
	}
}

// fieldsWithout gives the fields that are signed less those of these names.
func fieldsWithout(unsigned []string) ([]signedField, error) {
	excluded := make(map[string]bool, len(unsigned))
	for _, name := range unsigned {
		excluded[strings.ToLower(name)] = true
	}
	if excluded["from"] {
		return nil, fmt.Errorf("dkim: From cannot be left unsigned (RFC 6376 5.4)")
	}
	var fields []signedField
	for _, f := range signedFields() {
		if !excluded[strings.ToLower(f.name)] {
			fields = append(fields, f)
		}
	}
	return fields, nil
}

// The bounds of h=, which stands on one line: a signature cannot be folded
// after it was made, and a line has at most 998 bytes (RFC 5322 2.1.1). No
// field of signedFields may come more than once in a proper message, but for
// Resent-….
const (
	maxInstances = 8
	maxNames     = 900 // bytes
)

// namesOf gives the value of h=: each field once more than it occurs. What has
// no room is left out from the end; of a field that comes too often, the
// instances on top are.
func namesOf(fields []signedField, h *message.Header) []string {
	var names []string
	room := maxNames
	for _, f := range fields {
		n := h.Count(f.name)
		if n == 0 && !f.absent {
			continue
		}
		for range min(n+1, maxInstances) {
			if room -= len(f.name) + 1; room < 0 {
				return names
			}
			names = append(names, f.name)
		}
	}
	return names
}

// sectionOf gives a header section of just the named fields, each unfolded, and
// the empty line. Relaxed canonicalization unfolds all the same, so that what is
// signed does not change; but the signer takes time that is quadratic in the
// lines of a field.
func sectionOf(h *message.Header, names []string) []byte {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[strings.ToLower(name)] = true
	}
	var section []byte
	for _, field := range h.Fields() {
		if !wanted[strings.ToLower(field.Name())] {
			continue
		}
		for _, c := range field.Raw() {
			if c == '\r' || c == '\n' {
				c = ' '
			}
			section = append(section, c)
		}
		section = append(section, crlf...)
	}
	return append(section, crlf...)
}

const crlf = "\r\n"
