package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// sources read the same text in different pieces.
func sources(text string) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":    strings.NewReader(text),
		"bytes":    iotest.OneByteReader(strings.NewReader(text)),
		"halves":   iotest.HalfReader(strings.NewReader(text)),
		"with EOF": iotest.DataErrReader(strings.NewReader(text)),
	}
}

func TestNewlines(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	tests := []struct {
		in, want string
		repaired int
	}{
		{"", "", 0},
		{"a\r\nb\r\n", "a\r\nb\r\n", 0},
		{"\r\n\r\n", "\r\n\r\n", 0},
		{"a", "a\r\n", 0},
		{"a\nb\n", "a\r\nb\r\n", 2},
		{"\n", "\r\n", 1},
		{"\n\n\n", "\r\n\r\n\r\n", 3},
		{"a\rb\r\n", "a\r\nb\r\n", 1},
		{"a\r", "a\r\n", 1},
		{"\r", "\r\n", 1},
		{"a\r\r\nb\r\n", "a\r\nb\r\n", 1},
		{"a\r\r\r\nb\r\n", "a\r\nb\r\n", 1},
		{"a\r\r\rb\r\n", "a\r\nb\r\n", 1},
		{"a\r\r", "a\r\n", 1},
		{"a\r\n\r\r\nb\r\n", "a\r\n\r\nb\r\n", 1},
		{"a\n\r\nb", "a\r\n\r\nb\r\n", 1},
		{"a\n\rb", "a\r\n\r\nb\r\n", 2},
		{"a\n.\nb\r\n", "a\r\n.\r\nb\r\n", 2},
		{"a\x00b\xff\r\n", "a\x00b\xff\r\n", 0},
		{long + "\r\n" + long + "\n" + long, long + "\r\n" + long + "\r\n" + long + "\r\n", 1},
	}
	for _, tt := range tests {
		for name, src := range sources(tt.in) {
			r := &Newlines{Source: src}
			got, err := io.ReadAll(r)
			if err != nil || string(got) != tt.want || r.Repaired() != tt.repaired {
				t.Errorf("%.60q (%s): got %.60q, %d repaired, %v; want %.60q, %d", tt.in, name, got, r.Repaired(), err, tt.want, tt.repaired)
			}
		}
		clean := tt.repaired == 0
		for name, src := range sources(tt.in) {
			_, err := io.ReadAll(&Newlines{Source: src, Reject: true})
			if clean && err != nil || !clean && !errors.Is(err, ErrBareNewline) {
				t.Errorf("%.60q (%s), rejecting: got %v", tt.in, name, err)
			}
		}
		if err := iotest.TestReader(&Newlines{Source: strings.NewReader(tt.in)}, []byte(tt.want)); err != nil {
			t.Errorf("%.60q: %v", tt.in, err)
		}
	}
}

func TestNewlinesPassErrors(t *testing.T) {
	broken := errors.New("broken")
	got, err := io.ReadAll(&Newlines{Source: io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))})
	if err != broken || string(got) != "a\r\nb" {
		t.Errorf("got %q and %v, want no line end after an error", got, err)
	}
}

func FuzzNewlines(f *testing.F) {
	for _, s := range []string{"", "a\r\n", "\n", "\r\r\n", "a\rb\n\r\n.\r\n", "x\n.\ny"} {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 100)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if size < 1 || size > 1000 {
			return
		}
		var pieces bytes.Buffer
		r := &Newlines{Source: iotest.HalfReader(bytes.NewReader(in))}
		if _, err := io.CopyBuffer(struct{ io.Writer }{&pieces}, struct{ io.Reader }{r}, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		got := pieces.Bytes()
		if bytes.ContainsAny(bytes.ReplaceAll(got, []byte("\r\n"), nil), "\r\n") {
			t.Fatalf("%q gives %q", in, got)
		}
		if len(in) > 0 != bytes.HasSuffix(got, []byte("\r\n")) {
			t.Fatalf("%q ends as %q", in, got)
		}
		text := func(b []byte) string { return strings.NewReplacer("\r", "", "\n", "").Replace(string(b)) }
		if text(in) != text(got) {
			t.Fatalf("%q lost text: %q", in, got)
		}
		again, err := io.ReadAll(&Newlines{Source: bytes.NewReader(got), Reject: true})
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q gives %q, then %q, %v", in, got, again, err)
		}
	})
}

func BenchmarkNewlinesClean(b *testing.B) {
	benchNewlines(b, strings.Repeat(strings.Repeat("x", 76)+"\r\n", 130))
}

func BenchmarkNewlinesBare(b *testing.B) {
	benchNewlines(b, strings.Repeat(strings.Repeat("x", 76)+"\n", 130))
}

func benchNewlines(b *testing.B, text string) {
	buf := make([]byte, 32<<10)
	src := strings.NewReader(text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(text)
		r := Newlines{Source: src}
		for {
			if _, err := r.Read(buf); err != nil {
				break
			}
		}
	}
}
