package smtp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// collect is a sink that remembers.
type collect struct {
	bytes.Buffer
	err error
}

func (c *collect) block(b []byte) error {
	c.Write(b)
	return c.err
}

func stuff(t testing.TB, r io.Reader) string {
	t.Helper()
	w := newBodyWriter()
	w.reset()
	var c collect
	if err := w.copy(r, &c); err != nil {
		t.Fatal(err)
	}
	return c.String() + string(w.out)
}

func TestDotStuffing(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"a\r\n":                 "a\r\n",
		"a":                     "a\r\n",
		"a\r":                   "a\r\n",
		"a\n":                   "a\n\r\n",
		"\n":                    "\n\r\n",
		".":                     "..\r\n",
		".\r\n":                 "..\r\n",
		"..\r\n":                "...\r\n",
		"a\r\n.\r\nb\r\n":       "a\r\n..\r\nb\r\n",
		"a\n.\nb\r\n":           "a\n..\nb\r\n",
		"a\r\n.\r\n.\r\n..\r\n": "a\r\n..\r\n..\r\n...\r\n",
		"a.b\r\nc.\r\n":         "a.b\r\nc.\r\n",
	} {
		if got := stuff(t, strings.NewReader(in)); got != want {
			t.Errorf("%q is sent as %q, want %q", in, got, want)
		}
		if got := stuff(t, iotest.OneByteReader(strings.NewReader(in))); got != want {
			t.Errorf("%q byte by byte is sent as %q, want %q", in, got, want)
		}
	}
}

func TestLargeBodiesKeepTheirBuffer(t *testing.T) {
	w := newBodyWriter()
	for name, line := range map[string]string{"plain": strings.Repeat("x", 76) + "\r\n", "dots only": "\n"} {
		in := strings.Repeat(line+".", 40_000)
		w.reset()
		before := cap(w.out)
		var c collect
		if err := w.copy(strings.NewReader(in), &c); err != nil {
			t.Fatal(err)
		}
		if cap(w.out) != before {
			t.Errorf("%s: the buffer grew from %d to %d", name, before, cap(w.out))
		}
		if want := strings.ReplaceAll(in, "\n.", "\n.."); c.String()+string(w.out) != want+"\r\n" {
			t.Errorf("%s: sent %d bytes, not what was expected", name, c.Len())
		}
	}
}

func TestBodyErrors(t *testing.T) {
	w := newBodyWriter()
	var read *readError
	for name, r := range map[string]io.Reader{
		"error":      io.MultiReader(strings.NewReader("a"), iotest.ErrReader(errTest)),
		"with bytes": iotest.DataErrReader(io.MultiReader(strings.NewReader("a"), iotest.ErrReader(errTest))),
		"stuck":      stuck{},
	} {
		w.reset()
		if err := w.copy(r, &collect{}); !errors.As(err, &read) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	w.reset()
	err := w.copy(strings.NewReader(strings.Repeat("x", 1<<20)), &collect{err: errTest})
	if !errors.Is(err, errTest) || errors.As(err, &read) {
		t.Errorf("sink: error is %v", err)
	}
}

// stuck is a reader that gives neither bytes nor an error.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// unstuff is the other side: RFC 5321, section 4.5.2.
func unstuff(wire string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(wire, "\n") {
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	return b.String()
}

func FuzzDotStuffing(f *testing.F) {
	for _, seed := range []string{"", ".", "a\r\n.\r\n", "\n.\n", "\r.\r", "a\r\n..b", "\r\n.\r\n.\r\n"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, in string, size int) {
		wire := stuff(t, &chunks{in, max(1, size%100)})
		got := unstuff(wire)
		if !strings.HasPrefix(got, in) {
			t.Fatalf("%q arrives as %q", in, got)
		}
		if added := got[len(in):]; added != "" && added != "\r\n" && added != "\n" {
			t.Fatalf("%q was added", added)
		}
		all := "\r\n" + wire + ".\r\n"
		if wire != "" && !strings.HasSuffix(wire, "\r\n") {
			t.Fatalf("%q does not end in CRLF", wire)
		}
		for _, end := range []string{"\n.\n", "\n.\r\n", "\n.\r"} {
			if i := strings.Index(all, end); i >= 0 && i < len(all)-len("\n.\r\n") {
				t.Fatalf("%q has an end at %d of %d", all, i, len(all))
			}
		}
	})
}

// chunks is a reader that gives n bytes at a time.
type chunks struct {
	s string
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.s == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.s)
	c.s = c.s[n:]
	return n, nil
}
