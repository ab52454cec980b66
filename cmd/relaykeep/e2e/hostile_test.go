package e2e

import (
	"encoding/json"
	"fmt"

	"strings"
	"testing"
)

// attack is a message of somebody who wants more in it than a relay lets in:
// another author, another recipient, a part of a notice.
type attack struct {
	name   string
	from   string // the envelope sender; "": attacker@example.org
	params string // of MAIL
	rcpt   string // parameters of RCPT
	header string
	text   string
	end    end
}

// end is what becomes of an attack.
type end int

const (
	relayed   end = iota // to the one who exists; a notice about the other
	returned             // a notice about both
	held                 // with an incident
	atTheDoor            // refused
)

// injected is the name of a field that must not come into being.
const injected = "X-Injected"

func attacks() []attack {
	long := strings.Repeat("x", 900)
	return []attack{
		{name: "encoded-crlf-name", header: "From: =?utf-8?q?a=0D=0AX-Injected:_1?= <a@example.org>\r\n"},
		{name: "encoded-crlf-subject", header: "From: a@example.org\r\nSubject: =?utf-8?q?a=0D=0AX-Injected:_1=0D=0A=0D=0Atext?=\r\n"},
		{name: "encoded-base64-subject", header: "From: a@example.org\r\nSubject: =?utf-8?b?YQ0KWC1JbmplY3RlZDogMQ0KDQp0ZXh0?=\r\n"},
		{name: "quoted-fold", header: "From: \"a\\\r\n X-Injected: 1\" <a@example.org>\r\n"},
		{name: "fold-looks-like-field", header: "From: a\r\n X-Injected: 1 <a@example.org>\r\n"},
		{name: "group", header: "From: X-Injected: a@example.org, b@example.org;\r\n"},
		{name: "empty-group", header: "From: nobody:;\r\n"},
		{name: "many-authors", header: "From: a@example.org, b@example.net, \"c\" <c@example.com>\r\n"},
		{name: "ten-thousand-authors", header: "From: " + strings.Repeat("a@example.org,\r\n ", 10_000) + "z@example.org\r\n"},
		{name: "two-from", header: "From: a@example.org\r\nFrom: evil@example.net\r\n"},
		{name: "hundred-from", header: strings.Repeat("From: a@example.org\r\n", 100)},
		{name: "no-from", header: "Subject: no author\r\n"},
		{name: "empty-from", header: "From:\r\n"},
		{name: "angle-only", header: "From: <>\r\n"},
		{name: "long-name", header: "From: " + long + " <a@example.org>\r\n"},
		{name: "long-quoted-name", header: "From: \"" + strings.Repeat("\\\"", 450) + "\" <a@example.org>\r\n"},
		{name: "utf8-domain", params: " SMTPUTF8", header: "From: Jürgen <info@müller.example.org>\r\n"},
		{name: "raw-latin1", header: "From: J\xfcrgen <a@example.org>\r\n"},
		{name: "control-name", header: "From: \"\x1b[31m\x07\" <a@example.org>\r\n"},
		{name: "comment-name", header: "From: a@example.org (X-Injected: 1\r\n\t(nested))\r\n"},
		{name: "blank-before-colon", header: "From : a@example.org\r\n"},
		{name: "reply-to-fold", header: "From: a@example.org\r\nReply-To: \"b\r\n X-Injected: 1\" <b@example.org>\r\n"},
		{name: "two-reply-to", header: "From: a@example.org\r\nReply-To: b@example.org\r\nReply-To: c@example.org\r\n"},
		{name: "route", header: "From: <@x.example,@y.example:a@example.org>\r\n"},
		{name: "no-colon-in-the-middle", header: "From: a@example.org\r\nSubject: s\r\nX-Injected 1\r\nTo: b@example.com\r\n"},
		{name: "five-thousand-fields", header: "From: a@example.org\r\n" + strings.Repeat("To: b@example.com\r\n", 4990)},
		{name: "one-field-of-200k", header: "From: a@example.org\r\nReferences:" + strings.Repeat(" <0123456789@example.org>\r\n", 7500)},
		{name: "header-of-1m", end: atTheDoor, header: "From: a@example.org\r\n" + strings.Repeat("X-Filler: "+strings.Repeat("f", 88)+"\r\n", 10_000)},
		{name: "ten-thousand-fields", end: atTheDoor, header: "From: a@example.org\r\n" + strings.Repeat("X:\r\n", 10_000)},
		{name: "hundred-hops", end: atTheDoor, header: "From: a@example.org\r\n" + strings.Repeat("Received: by x\r\n", 100)},
		{name: "long-line-without-a-blank", end: atTheDoor, header: "From: a@example.org\r\nX-Long: " + strings.Repeat("f", 2000) + "\r\n"},
		{name: "long-line-in-a-signed-part", end: atTheDoor, header: "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"; micalg=pgp-sha256\r\n",
			text: "--s\r\n\r\n" + strings.Repeat("l", 2000) + "\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n"},
		{name: "signed-8-bit", end: returned, header: "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"; micalg=pgp-sha256\r\n",
			text: "--s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n"},
		{name: "message-id-not-one", header: "From: a@example.org\r\nMessage-ID: <a@b> <X-Injected@c>\r\nIn-Reply-To: \x00<>\r\n"},
		{name: "boundary-collision", header: "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n",
			text: "--a\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü\r\n --a\r\n--=61\r\n" + strings.Repeat("y", 75) + "--a\r\n--a--\r\n"},
		{name: "boundary-of-a-soft-break", header: "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"yyyy\"\r\n",
			text: "--yyyy\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nü" + strings.Repeat("x", 74) + "--yyyy" + strings.Repeat("x", 69) + "--yyyy--\r\n--yyyy--\r\n"},
		{name: "deep", end: returned, header: "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b0\r\n", text: nested(200)},
		{name: "many-parts", header: "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n", text: strings.Repeat("--m\r\n\r\nx\r\n", 20_000) + "--m--\r\n"},
		{name: "empty-lines", end: held, header: "From: a@example.org\r\n", text: strings.Repeat("\r\n", 100_000) + "end\r\n"},
		{name: "envid-crlf", end: atTheDoor, params: " ENVID=a+0D+0AX-Injected:+201", header: "From: a@example.org\r\n"},
		{name: "orcpt-crlf", end: atTheDoor, rcpt: " ORCPT=rfc822;a+0D+0AX-Injected:+201+0D+0A+0D+0AFinal-Recipient:+20x@example.com", header: "From: a@example.org\r\n"},
		{name: "orcpt-type", end: atTheDoor, rcpt: " ORCPT=X-Injected:1;a", header: "From: a@example.org\r\n"},
		{name: "quoted-sender", from: `"a b<c>: X-Injected, 1"@example.org`, header: "From: a@example.org\r\n"},
		{name: "returned-boundary", header: "From: a@example.org\r\nSubject: --report-00000000000000000000000000000000\r\nX-Line: --report-\r\n"},
	}
}

// nested is a text of parts within parts.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
	}
	fmt.Fprintf(&b, "--b%d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nü\r\n", depth)
	for i := depth; i >= 0; i-- {
		fmt.Fprintf(&b, "--b%d--\r\n", i)
	}
	return b.String()
}

// read is how Python's parser reads a message.
type read struct {
	Name    string
	Fields  [][2]string
	From    []string
	ReplyTo []string `json:"reply_to"`
	Type    string
	Parts   []string
	Reports [][][2]string
	Defects []string
}

func readMessages(t *testing.T, messages map[string][]byte) map[string]read {
	t.Helper()
	dir := t.TempDir()
	for name, m := range messages {
		writeFile(t, dir, name+".eml", m)
	}
	r := runCommand(t, "/usr/bin/python3", "testdata/verify/fields.py", dir)
	if r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	all := make(map[string]read)
	for d := json.NewDecoder(strings.NewReader(r.out)); d.More(); {
		var m read
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		all[m.Name] = m
	}
	return all
}
