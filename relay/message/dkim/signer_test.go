package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"relaykeep/relay/message"
)

// rsaKey and edKey are made once for all tests.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	edKey  = sync.OnceValue(func() ed25519.PrivateKey {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return must(private, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// twoKeys gives the keys of a domain as most people have them.
func twoKeys() []Key { return []Key{{"s1", rsaKey()}, {"s2", edKey()}} }

func newSigner(t testing.TB, o Options) *Signer {
	t.Helper()
	if o.Domains == nil {
		o.Domains = []Domain{{"example.com", twoKeys()}}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// publish gives what the DNS would say of the keys.
func publish(t testing.TB, domains ...Domain) func(name string) ([]string, error) {
	t.Helper()
	zone := make(map[string]string)
	for _, d := range domains {
		for _, k := range d.Keys {
			zone[k.Selector+"._domainkey."+d.Name] = published(t, k.Private.Public())
		}
	}
	return func(name string) ([]string, error) {
		if txt, ok := zone[name]; ok {
			return []string{txt}, nil
		}
		return nil, fmt.Errorf("no such name: %s", name)
	}
}

// published is written apart from the code under test.
func published(t testing.TB, public crypto.PublicKey) string {
	t.Helper()
	if p, ok := public.(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(p)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(must(x509.MarshalPKIXPublicKey(public)))
}

// verify fails unless all signatures on a message hold, and gives them.
func verify(t testing.TB, signed string, lookup func(string) ([]string, error)) []*msgauth.Verification {
	t.Helper()
	all, err := msgauth.VerifyWithOptions(strings.NewReader(signed), &msgauth.VerifyOptions{LookupTXT: lookup})
	if err != nil {
		t.Fatalf("%v\n%q", err, signed)
	}
	for _, v := range all {
		if v.Err != nil {
			t.Fatalf("%s: %v\n%q", v.Domain, v.Err, signed)
		}
	}
	return all
}

const plainMessage = "From: Ann <ann@example.com>\r\nTo: bob@example.net\r\nSubject: hello\r\n world\r\n" +
	"Date: Tue, 24 Nov 2026 16:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHi  Bob\t\r\n.\r\n\r\n\r\n"

func TestSign(t *testing.T) {
	for name, content := range map[string]string{
		"plain":             plainMessage,
		"no final line end": strings.TrimRight(plainMessage, "\r\n"),
		"no text":           "From: ann@example.com\r\n\r\n",
		"blank lines only":  "From: ann@example.com\r\n\r\n\r\n \r\n\t\r\n",
		"8 bit":             "From: \xc3\xa4 <ann@example.com>\r\nSubject: gr\xfc\xdfe\r\n\r\n\xe4\xf6\x00\r\n",
		"empty fields":      "From: ann@example.com\r\nSubject:\r\nTo:\r\n \r\nCc: \r\n\t\r\n x\r\n\r\ntext\r\n",
		"odd names":         "FROM : ann@example.com\r\nsUBJECT \t:a\r\n\r\ntext\r\n",
		"twice":             "From: ann@example.com\r\nFrom: eve@example.org\r\nTo: a@b\r\nTo: c@d\r\n\r\ntext\r\n",
		"subdomain":         "From: ann@News.Example.COM.\r\n\r\ntext\r\n",
		"many To":           "From: ann@example.com\r\n" + strings.Repeat("To: a@b.example\r\n", 1000) + "\r\ntext\r\n",
		"many of all":       "From: ann@example.com\r\n" + strings.Repeat(manyFields(), 20) + "\r\ntext\r\n",
		"lists":             "From: ann@example.com\r\nList-Id: <a.b>\r\nList-Unsubscribe: <https://a.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\ntext\r\n",
		"trailing blanks":   "From: ann@example.com\r\n\r\ntext\r\n" + strings.Repeat("\r\n", 200_000),
		"blanks within":     "From: ann@example.com\r\n\r\ntext\r\n" + strings.Repeat("\r\n", maxBlank/2-1) + "more",
	} {
		t.Run(name, func(t *testing.T) {
			fields, err := newSigner(t, Options{}).Sign(iotest.OneByteReader(strings.NewReader(content)))
			if err != nil {
				t.Fatal(err)
			}
			got := verify(t, fields+content, publish(t, Domain{"example.com", twoKeys()}))
			if len(got) != 2 || got[0].Domain != "example.com" || got[1].Domain != "example.com" {
				t.Errorf("%d signatures, want 2 of example.com: %q", len(got), fields)
			}
			checkForm(t, fields)
		})
	}
}

func manyFields() string {
	var b strings.Builder
	for _, f := range signedFields() {
		if f.name != "From" {
			b.WriteString(f.name + ": x\r\n")
		}
	}
	return b.String()
}

// checkForm fails unless fields are well-formed header fields.
func checkForm(t testing.TB, fields string) {
	t.Helper()
	h, rest, err := message.ReadHeader(strings.NewReader(fields))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(rest)
	if err != nil || int(h.Text()) != len(fields) || string(whole) != fields {
		t.Errorf("no header fields only: %q", fields)
	}
	for line := range strings.Lines(fields) {
		if !strings.HasSuffix(line, "\r\n") || len(line) > 1000 {
			t.Errorf("a bad line: %q", line)
		}
	}
	for _, tag := range []string{" x=", " l="} {
		if strings.Contains(fields, tag) {
			t.Errorf("%s is in %q", tag, fields)
		}
	}
}

// A text that stands below the header without an empty line goes out with one.
func TestSignWithoutEmptyLine(t *testing.T) {
	for name, content := range map[string]string{
		"text at once":   "From: ann@example.com\r\nthis is no field\r\n",
		"header only":    "From: ann@example.com\r\nSubject: x\r\n",
		"header cut off": "From: ann@example.com\r\nSubject: x",
	} {
		t.Run(name, func(t *testing.T) {
			fields, err := newSigner(t, Options{}).Sign(strings.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			_, whole, err := message.ReadHeader(strings.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			sent, err := io.ReadAll(whole)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(sent, []byte("\r\n\r\n")) { // the verifier at hand wants one
				sent = append(bytes.TrimRight(sent, "\r\n"), "\r\n\r\n"...)
			}
			if got := verify(t, fields+string(sent), publish(t, Domain{"example.com", twoKeys()})); len(got) != 2 {
				t.Errorf("%d signatures: %q", len(got), fields)
			}
		})
	}
}

// Whatever changes what a reader sees breaks the signature.
func TestSignedIsClosed(t *testing.T) {
	fields, err := newSigner(t, Options{}).Sign(strings.NewReader(plainMessage))
	if err != nil {
		t.Fatal(err)
	}
	lookup := publish(t, Domain{"example.com", twoKeys()})
	for _, forged := range []string{
		"From: eve@example.org\r\n" + plainMessage,
		"Subject: you won\r\n" + plainMessage,
		"Reply-To: eve@example.org\r\n" + plainMessage,
		"Cc: eve@example.org\r\n" + plainMessage,
		"To: eve@example.org\r\n" + plainMessage,
		strings.Replace(plainMessage, "hello", "hullo", 1),
		plainMessage + "P.S.\r\n",
	} {
		all, err := msgauth.VerifyWithOptions(strings.NewReader(fields+forged), &msgauth.VerifyOptions{LookupTXT: lookup})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range all {
			if v.Err == nil {
				t.Errorf("a signature holds on %q", forged)
			}
		}
	}
	for _, changed := range []string{
		"Received: from a\r\n by b\r\nList-Unsubscribe: <https://provider.example>\r\nSender: x@provider.example\r\n" + plainMessage,
		strings.Replace(plainMessage, "hello\r\n world", "hello   world", 1),
		strings.Replace(plainMessage, "Hi  Bob\t", "Hi Bob", 1),
	} {
		verify(t, fields+changed, lookup)
	}
}

// A provider that writes fields anew breaks nothing where they are unsigned.
func TestUnsigned(t *testing.T) {
	s := newSigner(t, Options{Unsigned: []string{"message-id", "Date", "Return-Path", "Bounces-To"}})
	fields, err := s.Sign(strings.NewReader(plainMessage))
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.NewReplacer("<1@example.com>", "<2@provider.example>", "24 Nov 2026 16", "24 Nov 2026 17").Replace(plainMessage)
	verify(t, fields+replaced, publish(t, Domain{"example.com", twoKeys()}))
	if _, err := New(Options{Unsigned: []string{"FROM"}}); err == nil {
		t.Error("From was left unsigned")
	}
}

func TestUnsignable(t *testing.T) {
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		content io.Reader
		want    error
	}{
		"header too large": {strings.NewReader("From: a@example.com\r\nX: " + strings.Repeat("x", message.MaxHeader)), ErrUnsignable},
		"too many blanks":  {strings.NewReader("From: a@example.com\r\n\r\na" + strings.Repeat("\r\n", maxBlank) + "b"), ErrUnsignable},
		"broken header":    {io.MultiReader(strings.NewReader("From: a@example.com\r\n"), iotest.ErrReader(broken)), broken},
		"broken text":      {io.MultiReader(strings.NewReader("From: a@example.com\r\n\r\ntext"), iotest.ErrReader(broken)), broken},
	} {
		t.Run(name, func(t *testing.T) {
			fields, err := newSigner(t, Options{}).Sign(tt.content)
			if fields != "" || !errors.Is(err, tt.want) {
				t.Errorf("got %q, %v", fields, err)
			}
		})
	}
}
