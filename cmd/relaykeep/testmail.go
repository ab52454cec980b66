package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"mime"
	"strings"
	"time"
	"unicode/utf8"
)

// envelope is sender and recipients, in wire form.
type envelope struct {
	from string // "": the null sender
	to   []string
}

// utf8 reports whether the envelope needs SMTPUTF8 (RFC 6531).
func (e envelope) utf8() bool {
	for _, a := range append([]string{e.from}, e.to...) {
		if strings.IndexFunc(a, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
			return true
		}
	}
	return false
}

// testMail is the mail that send composes.
type testMail struct {
	envelope envelope
	subject  string
	host     string
	at       time.Time
}

// compose gives the mail with LF line ends.
func (t testMail) compose() []byte {
	from := cmp.Or(t.envelope.from, "relaykeep@"+t.host)
	var b strings.Builder
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\n", name, value) }
	field("Date", t.at.Format(time.RFC1123Z))
	field("Message-ID", fmt.Sprintf("<%s@%s>", rand.Text(), t.host))
	field("From", "<"+from+">")
	field("To", "<"+strings.Join(t.envelope.to, ">,\n <")+">")
	field("Subject", mime.QEncoding.Encode("utf-8", t.subject))
	field("Auto-Submitted", "auto-generated")
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=us-ascii")
	fmt.Fprintf(&b, "\nThis is a test message. Somebody on %s made it with\n\n    relaykeep send\n\nto see whether mail gets through. It did: there is nothing to do.\n", t.host)
	return []byte(b.String())
}
