package dkim

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestMemory: a message of 25 MB is signed by two keys in less than 1 MB.
func TestMemory(t *testing.T) {
	const size, most = 25 << 20, 1 << 20
	s := newSigner(t, Options{})
	r := &heapReader{text: strings.NewReader(strings.Repeat("0123456789 abcdef\r\n\r\n", 1000)), left: size}
	r.start = heap()
	fields, err := s.Sign(io.MultiReader(strings.NewReader(plainMessage), r))
	if err != nil || fields == "" {
		t.Fatalf("got %q, %v", fields, err)
	}
	if r.most > r.start+most {
		t.Errorf("it took %d bytes", r.most-r.start)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// heapReader repeats a text until enough was read, and looks at the heap now and
// then.
type heapReader struct {
	text        *strings.Reader
	left        int
	start, most uint64
}

func (r *heapReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	if r.text.Len() == 0 {
		r.text.Seek(0, io.SeekStart)
		if r.left%64 == 0 {
			r.most = max(r.most, heap())
		}
	}
	n, err := r.text.Read(p)
	r.left -= n
	return n, err
}

func BenchmarkSign(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"10KB", 10_000}, {"25MB", 25_000_000}} {
		content := plainMessage + strings.Repeat("All work and no play makes Jack a dull boy.\r\n", size.bytes/45)
		for _, keys := range []struct {
			name string
			keys []Key
		}{{"rsa", twoKeys()[:1]}, {"ed25519", twoKeys()[1:]}, {"both", twoKeys()}} {
			b.Run(size.name+"/"+keys.name, func(b *testing.B) {
				s := newSigner(b, Options{Domains: []Domain{{"example.com", keys.keys}}})
				b.SetBytes(int64(len(content)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Sign(strings.NewReader(content)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The time for a header of nothing but folds must not grow with its square.
func BenchmarkSignFolded(b *testing.B) {
	content := "From: ann@example.com\r\nSubject: x" + strings.Repeat("\r\n x", 60_000) + "\r\n\r\ntext\r\n"
	s := newSigner(b, Options{})
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := s.Sign(strings.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}
