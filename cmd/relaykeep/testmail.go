package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"mime"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"relaykeep/relay"
	"relaykeep/spool"
)

// envelope is sender and recipients, in wire form.
type envelope struct {
	from string // "": the null sender
	to   []string
}

// utf8 reports whether the envelope needs SMTPUTF8 (RFC 6531).
func (e envelope) utf8() bool {
	for _, a := range append([]string{e.from}, e.to...) {
		if !isASCII(a) {
			return true
		}
	}
	return false
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// testMail is the mail that send composes.
type testMail struct {
	envelope envelope
	subject  string
	host     string
	at       time.Time
}

// submit gives the mail to the daemon, and returns the id that it got.
func (t testMail) submit(ctx context.Context, doors []door) (relay.ID, error) {
	reply, err := submit(ctx, doors, submission{envelope: t.envelope, host: t.host, content: bytes.NewReader(t.compose())})
	if err != nil {
		return "", err
	}
	id := queuedAs(reply)
	if id == "" {
		return "", fmt.Errorf("a server took the mail, but is it relaykeep? It said %s", oneLine(reply))
	}
	return id, nil
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

// queuedPattern finds the id in the reply to the final dot.
var queuedPattern = regexp.MustCompile(`queued as ([0-9A-Za-z]{26})\b`)

func queuedAs(reply string) relay.ID {
	m := queuedPattern.FindStringSubmatch(reply)
	if m == nil {
		return ""
	}
	id, err := spool.ParseID(m[1])
	if err != nil {
		return ""
	}
	return id
}
