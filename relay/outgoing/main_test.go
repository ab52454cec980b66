package outgoing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"
	"go.uber.org/goleak"

	"relaykeep/relay"
	"relaykeep/relay/message"
	"relaykeep/relay/message/dkim"
	"relaykeep/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stored is a body in memory. It counts how often it is read, and is damaged
// at its end where err is set.
type stored struct {
	text  string
	err   error
	reads atomic.Int32
}

func (s *stored) Size() int64 { return int64(len(s.text)) }

func (s *stored) Open() (io.ReadCloser, error) {
	s.reads.Add(1)
	var end io.Reader = strings.NewReader("")
	if s.err != nil {
		end = failing{s.err}
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(s.text), end)), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// envelope is the message of a body, with what was found in it at accept.
func envelope(t testing.TB, from string, s *stored) relay.Message {
	t.Helper()
	scan := &message.Scan{Source: strings.NewReader(s.text)}
	var stays *message.UnmendableError // a spool of before may hold it
	if _, err := io.Copy(io.Discard, scan); err != nil && !errors.As(err, &stays) {
		t.Fatal(err)
	}
	m := relay.Message{From: from, Size: s.Size(), SHA256: sha256.Sum256([]byte(s.text)), Content: relay.ContentKnown}
	if scan.EightBit() {
		m.Content |= relay.ContentEightBit
	}
	if scan.LongLines() {
		m.Content |= relay.ContentLongLines
	}
	return m
}

// read reads a prepared body, twice, and compares its size.
func read(t testing.TB, b relay.Body) string {
	t.Helper()
	var texts [2]string
	for i := range texts {
		r, err := b.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		texts[i] = string(text)
	}
	if texts[0] != texts[1] {
		t.Fatalf("two reads differ:\n%s\n%s", texts[0], texts[1])
	}
	if b.Size() != int64(len(texts[0])) {
		t.Errorf("the size is %d, and %d bytes were read", b.Size(), len(texts[0]))
	}
	return texts[0]
}

var (
	everything = upstream.Capabilities{EightBit: true, UTF8: true}
	nothing    = upstream.Capabilities{}
)

// keys are those of a few domains, and what the DNS would say of them.
type keys struct {
	*dkim.Signer
	public map[string]string
	signed atomic.Int32
}

func newKeys(t testing.TB, domains ...string) *keys {
	t.Helper()
	k := &keys{public: map[string]string{}}
	var o dkim.Options
	for i, d := range domains {
		private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		o.Domains = append(o.Domains, dkim.Domain{Name: d, Keys: []dkim.Key{{Selector: "s", Private: private}}})
		record, err := dkim.Record(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		k.public["s._domainkey."+d] = record
	}
	var err error
	if k.Signer, err = dkim.New(o); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *keys) Sign(content io.Reader) (string, error) {
	k.signed.Add(1)
	return k.Signer.Sign(content)
}

// verify gives the domains whose signatures are good.
func (k *keys) verify(t testing.TB, text string) string {
	t.Helper()
	found, err := msgauth.VerifyWithOptions(strings.NewReader(text), &msgauth.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return []string{k.public[name]}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var domains []string
	for _, v := range found {
		if v.Err != nil {
			t.Errorf("the signature of %s: %v", v.Domain, v.Err)
			continue
		}
		domains = append(domains, v.Domain)
	}
	return strings.Join(domains, " ")
}
