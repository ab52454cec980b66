package dkim

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"relaykeep/relay/message"
)

// FuzzSign: whatever comes in as a message and is signed, the signature holds on
// what is sent of it. Line ends are repaired before.
func FuzzSign(f *testing.F) {
	f.Add([]byte(plainMessage))
	f.Add([]byte("From: a@example.com"))
	f.Add([]byte("From: a@example.com\r\n\r\n\r\n \r\nx \t\r\n\r\n"))
	f.Add([]byte("From: a@example.com\r\n \r\n\tx\r\nto:\r\nTo :\r\n\r\n.\r\n"))
	f.Add([]byte("from: (\\) <a@example.com>\r\nfrom: b@\r\nno field\r\n"))
	f.Add([]byte("From: a@example.com\r\nTo: \x00\xff\r\nSubject: \x85\xa0\r\n\r\n\x0b\x0c\xa0\r\n"))
	f.Add([]byte("From: a@example.com\r\nDKIM-Signature: v=1\r\n\r\n"))
	s := newSigner(f, Options{})
	lookup := publish(f, Domain{"example.com", twoKeys()})
	f.Fuzz(func(t *testing.T, raw []byte) {
		repaired, err := io.ReadAll(&message.Newlines{Source: bytes.NewReader(raw)})
		if err != nil {
			t.Fatal(err)
		}
		fields, err := s.Sign(bytes.NewReader(repaired))
		if err != nil && !errors.Is(err, ErrUnsignable) {
			t.Fatal(err)
		}
		if fields == "" {
			return
		}
		checkForm(t, fields)
		h, whole, err := message.ReadHeader(bytes.NewReader(repaired))
		if err != nil {
			t.Fatal(err)
		}
		sent, err := io.ReadAll(whole)
		if err != nil {
			t.Fatal(err)
		}
		if len(sent) == int(h.Text()) { // the verifier wants an empty line
			sent = append(bytes.TrimSuffix(sent, []byte(crlf)), crlf+crlf...)
		}
		all, err := msgauth.VerifyWithOptions(io.MultiReader(strings.NewReader(fields), bytes.NewReader(sent)),
			&msgauth.VerifyOptions{LookupTXT: lookup, MaxVerifications: 2})
		if err != nil && !errors.Is(err, msgauth.ErrTooManySignatures) {
			t.Fatalf("%v\n%q", err, sent)
		}
		for _, v := range all[:2] { // ours are on top
			if v.Err != nil {
				t.Errorf("%v\n%q\n%q", v.Err, fields, sent)
			}
		}
	})
}
