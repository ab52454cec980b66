package outgoing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream"
)

const (
	plain  = "Received: by x\r\nFrom: App <app@old.test>\r\nSubject: hi\r\n\r\nHello.\r\n"
	wide   = "From: Jürgen <app@old.test>\r\nSubject: Grüße\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSchöne Grüße.\r\n"
	signed = "From: app@old.test\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nGrüße\r\n--b--\r\n"
)

var long = "From: app@old.test\r\n\r\n" + strings.Repeat("long line ", 200) + "\r\n"

// What needs nothing passes untouched, and is not read.
func TestUntouched(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		o    Options
		caps upstream.Capabilities
	}{
		"ASCII":                {plain, Options{}, nothing},
		"8 bit":                {wide, Options{}, everything},
		"another sender":       {plain, Options{EnvelopeFrom: "relay@new.test"}, nothing},
		"a null sender for <>": {plain, Options{NullSender: "relay@new.test"}, nothing},
	} {
		b := &stored{text: tt.text}
		p, err := New(tt.o).Prepare(t.Context(), envelope(t, "app@old.test", b), b, tt.caps, nil)
		if err != nil || p.Body != relay.Body(b) || p.Signature != nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if b.reads.Load() != 0 {
			t.Errorf("%s: the body was read", name)
		}
	}
}

// A message of which nothing is known, and one that is rewritten already, are
// looked at and pass as they are.
func TestUntouchedAfterALook(t *testing.T) {
	b := &stored{text: plain}
	m := envelope(t, "app@old.test", b)
	for name, o := range map[string]Options{
		"rewritten":     {From: "app@old.test", ReplyToOriginal: true},
		"no key for it": {Signer: newKeys(t, "other.test")},
	} {
		if p, err := New(o).Prepare(t.Context(), m, b, nothing, nil); err != nil || p.Body != relay.Body(b) || p.Signature != nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	m.Content = 0
	if p, err := New(Options{}).Prepare(t.Context(), m, b, nothing, nil); err != nil || p.Body != relay.Body(b) {
		t.Errorf("unknown: %+v, %v", p, err)
	}
}

func TestPrepare(t *testing.T) {
	rewrite := Options{From: "relay@new.test", ReplyToOriginal: true}
	for _, tt := range []struct {
		name, text string
		o          Options
		caps       upstream.Capabilities
		want       string // "" where it is too long to be written here
		eightBit   bool
	}{
		{"rewritten", plain, rewrite, nothing, "Received: by x\r\nFrom: App <relay@new.test>\r\nReply-To: App <app@old.test>\r\nSubject: hi\r\n\r\nHello.\r\n", false},
		{"no header", "\r\nHello.\r\n", rewrite, nothing, "From: relay@new.test\r\n\r\nHello.\r\n", false},
		{"no text", "From: app@old.test\r\n", rewrite, nothing, "From: relay@new.test\r\nReply-To: app@old.test\r\n\r\n", false},
		{"8 bit rewritten", wide, rewrite, everything, strings.Replace(wide, "From: Jürgen <app@old.test>\r\n", "From: Jürgen <relay@new.test>\r\nReply-To: Jürgen <app@old.test>\r\n", 1), true},
		{
			"header", wide, Options{}, upstream.Capabilities{EightBit: true},
			"From: =?utf-8?q?J=C3=BCrgen?= <app@old.test>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSchöne Grüße.\r\n", true,
		},
		{
			"all of it", wide, rewrite, nothing,
			"From: =?utf-8?q?J=C3=BCrgen?= <relay@new.test>\r\nReply-To: =?utf-8?q?J=C3=BCrgen?= <app@old.test>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSch=C3=B6ne Gr=C3=BC=C3=9Fe.\r\n", false,
		},
		{"long lines", long, Options{}, everything, "", false},
	} {
		b := &stored{text: tt.text}
		p, err := New(tt.o).Prepare(t.Context(), envelope(t, "app@old.test", b), b, tt.caps, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := read(t, p.Body); tt.want != "" && got != tt.want || tooLong(got) {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
		if p.Message.EightBit != tt.eightBit {
			t.Errorf("%s: EightBit is %v", tt.name, p.Message.EightBit)
		}
	}
}

func tooLong(text string) bool {
	for line := range strings.Lines(text) {
		if len(line) > 1000 {
			return true
		}
	}
	return false
}

func TestSender(t *testing.T) {
	for _, tt := range []struct {
		o          Options
		from, want string
	}{
		{Options{}, "a@b.test", "a@b.test"},
		{Options{}, "", ""},
		{Options{EnvelopeFrom: "r@n.test"}, "a@b.test", "r@n.test"},
		{Options{EnvelopeFrom: "r@n.test"}, "", ""},
		{Options{EnvelopeFrom: "r@n.test", NullSender: "x@n.test"}, "", "x@n.test"},
		{Options{NullSender: "x@n.test"}, "a@b.test", "a@b.test"},
	} {
		p := New(tt.o)
		if got := p.Sender(tt.from); got != tt.want {
			t.Errorf("%+v: <%s> becomes <%s>", tt.o, tt.from, got)
		}
		b := &stored{text: plain}
		if got, err := p.Prepare(t.Context(), envelope(t, tt.from, b), b, nothing, nil); err != nil || got.Message.From != tt.want {
			t.Errorf("%+v: <%s> becomes <%s>, %v", tt.o, tt.from, got.Message.From, err)
		}
	}
}

// The key is that of the domain that From has when all is done, the signature
// is over what is sent, and an earlier one is used again.
func TestSigned(t *testing.T) {
	k := newKeys(t, "old.test", "new.test")
	for _, tt := range []struct {
		name, text string
		o          Options
		caps       upstream.Capabilities
		want       string
		reads      int32 // before it is sent, the first time and then
		readsAgain int32
	}{
		{"as it is", plain, Options{}, nothing, "old.test", 1, 0},
		{"rewritten", plain, Options{From: "relay@new.test", ReplyToOriginal: true}, nothing, "new.test", 2, 1},
		{"encoded anew", wide, Options{}, nothing, "old.test", 2, 2},
		{"long lines", long, Options{}, everything, "old.test", 2, 2},
		{"all of it", wide, Options{From: "relay@new.test"}, nothing, "new.test", 3, 3},
		{"no text", "From: app@old.test\r\n\r\n", Options{}, nothing, "old.test", 1, 0},
	} {
		k.signed.Store(0)
		tt.o.Signer = k
		b := &stored{text: tt.text}
		m, pipeline := envelope(t, "app@old.test", b), New(tt.o)
		first, err := pipeline.Prepare(t.Context(), m, b, tt.caps, nil)
		if err != nil || first.Signature == nil {
			t.Errorf("%s: %+v, %v", tt.name, first, err)
			continue
		}
		reads := b.reads.Swap(0)
		text := read(t, first.Body)
		if got := k.verify(t, text); got != tt.want || !strings.HasPrefix(text, first.Signature.Fields) {
			t.Errorf("%s: signed by %q", tt.name, got)
		}
		b.reads.Store(0)
		other := relay.Signature{Fields: "X: no\r\n"}
		again, err := pipeline.Prepare(t.Context(), m, b, tt.caps, []relay.Signature{other, *first.Signature})
		if err != nil || again.Signature != nil {
			t.Errorf("%s: %+v, %v", tt.name, again, err)
			continue
		}
		if r := b.reads.Load(); reads != tt.reads || r != tt.readsAgain {
			t.Errorf("%s: the body was read %d times before it was sent, then %d times", tt.name, reads, r)
		}
		if got := read(t, again.Body); got != text {
			t.Errorf("%s: the second attempt sends\n%s\nthe first\n%s", tt.name, got, text)
		}
		if k.signed.Load() != 1 {
			t.Errorf("%s: signed %d times", tt.name, k.signed.Load())
		}
	}
}

// A signature is good for nothing but what it was made for.
func TestFingerprints(t *testing.T) {
	k, other := newKeys(t, "old.test", "new.test"), newKeys(t, "new.test", "old.test")
	seen := map[[32]byte]string{}
	for _, text := range []string{plain, wide, wide + "More.\r\n"} {
		for _, o := range []Options{{}, {From: "relay@new.test"}, {From: "relay@new.test", ReplyToOriginal: true}} {
			for _, caps := range []upstream.Capabilities{everything, nothing, {EightBit: true}} {
				for _, s := range []*keys{k, other} {
					if text == plain && caps != nothing {
						continue // the same for all
					}
					o.Signer = s
					b := &stored{text: text}
					p, err := New(o).Prepare(t.Context(), envelope(t, "app@old.test", b), b, caps, nil)
					if err != nil {
						t.Fatal(err)
					}
					name := fmt.Sprintf("%.80q %+v %+v", text, o, caps)
					if before, twice := seen[p.Signature.Fingerprint]; twice {
						t.Errorf("one fingerprint for\n%s\n%s", name, before)
					}
					seen[p.Signature.Fingerprint] = name
				}
			}
		}
	}
}

// Whatever the upstream cannot take, and we may not change, is told by a
// verdict that loses no mail.
func TestUnsuitable(t *testing.T) {
	broken := errors.New("no entropy")
	huge := "From: a@old.test\r\n" + strings.Repeat("X: "+strings.Repeat("x", 70)+"\r\n", 5000) + "\r\n"
	for _, tt := range []struct {
		name, text string
		o          Options
		caps       upstream.Capabilities
		rule       string
		action     relay.Action
	}{
		{"signed 8 bit", signed, Options{}, nothing, "no-8bitmime", relay.ActionFailover},
		{"address", "From: jürgen@old.test\r\n\r\n", Options{}, nothing, "no-smtputf8", relay.ActionFailover},
		{"signed long line", strings.Replace(signed, "Grüße", strings.Repeat("x", 1000), 1), Options{}, everything, "long-line", relay.ActionFailover},
		{"no signature", plain, Options{Signer: refusing{broken}}, nothing, "not-signed", relay.ActionHold},
		{"header to rewrite", huge, Options{From: "r@n.test"}, nothing, "header-too-large", relay.ActionHold},
		{"header to sign", huge, Options{Signer: newKeys(t, "old.test")}, nothing, "not-signed", relay.ActionHold},
	} {
		b := &stored{text: tt.text}
		_, err := New(tt.o).Prepare(t.Context(), envelope(t, "app@old.test", b), b, tt.caps, nil)
		var u *upstream.Unsuitable
		if !errors.As(err, &u) || u.Verdict.Rule != tt.rule || u.Verdict.Action != tt.action || u.Verdict.Scope != relay.ScopeMessage || u.Verdict.Text == "" {
			t.Errorf("%s: got %+v", tt.name, err)
		}
	}
}

type refusing struct{ err error }

func (r refusing) Sign(io.Reader) (string, error) {
	return "", r.err
}
func (r refusing) Fingerprint([32]byte, ...string) [32]byte { return [32]byte{} }

// A damaged body is an error of its own at each step, never a verdict or a
// signature; and the work ends with the attempt.
func TestUnreadable(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, o := range map[string]Options{"recode": {}, "sign": {Signer: newKeys(t, "old.test")}} {
		b := &stored{text: wide}
		m := envelope(t, "app@old.test", b)
		if name == "sign" {
			m.Content = relay.ContentKnown
		}
		b.err = fmt.Errorf("chunk 2: %w", relay.ErrBodyDamaged)
		if _, err := New(o).Prepare(t.Context(), m, b, nothing, nil); !errors.Is(err, relay.ErrBodyDamaged) {
			t.Errorf("%s: got %v", name, err)
		}
		b.err = nil
		if _, err := New(o).Prepare(ended, m, b, nothing, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func BenchmarkUntouched(b *testing.B) {
	body := &stored{text: plain}
	m := envelope(b, "app@old.test", body)
	p := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Prepare(b.Context(), m, body, everything, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRewrite(b *testing.B) {
	benchmark(b, Options{From: "relay@new.test", ReplyToOriginal: true}, plain+strings.Repeat("Hello, there.\r\n", 700), everything)
}

func BenchmarkSign(b *testing.B) {
	benchmark(b, Options{Signer: newKeys(b, "old.test")}, plain+strings.Repeat("Hello, there.\r\n", 700), everything)
}

func BenchmarkRecode(b *testing.B) {
	benchmark(b, Options{}, wide+strings.Repeat("Schöne Grüße.\r\n", 600), nothing)
}

func benchmark(b *testing.B, o Options, text string, caps upstream.Capabilities) {
	body := &stored{text: text}
	m, p := envelope(b, "app@old.test", body), New(o)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Prepare(b.Context(), m, body, caps, nil); err != nil {
			b.Fatal(err)
		}
	}
}
