package message

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"relaykeep/relay"
)

func TestSkip(t *testing.T) {
	for in, want := range map[string]string{
		"From: a\r\n\r\ntext\r\n": "text\r\n",
		"\r\ntext\r\n":            "text\r\n",
		"From: a\r\n\r\n":         "",
		"From: a\r\n":             "",
		"From: a":                 "",
		"":                        "",
		"From: a\r\ntext\r\n":     "text\r\n",
		"text":                    "text",
	} {
		for name, src := range sources(in) {
			h, whole, err := ReadHeader(src)
			if err != nil {
				t.Fatalf("%q (%s): %v", in, name, err)
			}
			if err := h.Skip(whole); err != nil {
				t.Errorf("%q (%s): %v", in, name, err)
			}
			if got, err := io.ReadAll(whole); string(got) != want || err != nil {
				t.Errorf("%q (%s): got %q, %v", in, name, got, err)
			}
		}
	}
}

func TestReadHeader(t *testing.T) {
	long := strings.Repeat("A", 3*maxFieldName)
	tests := []struct {
		name, in string
		fields   int
		unclosed int // where the empty line was put in; 0: nowhere
	}{
		{"usual", "From: a\r\nTo: b\r\n\r\ntext: no field\r\n", 2, 0},
		{"folded", "Subject: a\r\n b\r\n\tc\r\n\r\n", 1, 0},
		{"no body", "From: a\r\n", 1, 0},
		{"no body, no line end", "From: a", 1, 0},
		{"nothing", "", 0, 0},
		{"empty line first", "\r\ntext\r\n", 0, 0},
		{"text first", "Hello world\r\nFrom: a\r\n", 0, -1},
		{"text with a colon", "Dear Sir: hello\r\n", 0, -1},
		{"space first", " From: a\r\n\r\n", 0, -1},
		{"colon first", ": a\r\n\r\n", 0, -1},
		{"text after fields", "From: a\r\ntext\r\n", 1, 9},
		{"eight bit name", "Fr\xf6m: a\r\n\r\n", 0, -1},
		{"long text", long, 0, -1},
		{"long text after fields", "From: a\r\n" + long + "\r\n", 1, 9},
		{"space before the colon", "From : a\r\n\r\n", 1, 0},
	}
	for _, tt := range tests {
		for name, src := range sources(tt.in) {
			h, whole, err := ReadHeader(src)
			if err != nil {
				t.Errorf("%s (%s): %v", tt.name, name, err)
				continue
			}
			want := tt.in
			if tt.unclosed != 0 {
				at := max(tt.unclosed, 0)
				want = tt.in[:at] + "\r\n" + tt.in[at:]
			}
			got, err := io.ReadAll(whole)
			if err != nil || string(got) != want || len(h.fields) != tt.fields || h.Unclosed() != (tt.unclosed != 0) {
				t.Errorf("%s (%s): got %.80q, %d fields, %v", tt.name, name, got, len(h.fields), err)
			}
		}
	}
}

func TestHeaderValues(t *testing.T) {
	h, _, err := ReadHeader(strings.NewReader("X-Mail-Class: otp\r\nReceived: a\r\nx-mail-class:\r\n  two\r\n\tlines \r\nReceived: b\r\nMessage-Id: <1@x>\r\nX-Mail: no\r\n\r\nReceived: body\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.Values("X-MAIL-CLASS"), []string{"otp", "two\tlines"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if h.Count("Received") != 2 || h.Values("Subject") != nil || h.MessageID() != "<1@x>" || h.Subject() != "" {
		t.Errorf("got %d, %q, %q, %q", h.Count("Received"), h.Values("Subject"), h.MessageID(), h.Subject())
	}
}

func TestSubject(t *testing.T) {
	pad := strings.Repeat("x", relay.MaxSubject-1)
	tests := []struct{ in, want string }{
		{"hello", "hello"},
		{"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "=?utf-8?q?a?= =?utf-8?q?b?="},
		{"caf\xe9", "caf?"},
		{"a\x1b[31mb\x00", "a [31mb "},
		{pad + "ü", pad},
		{pad + "yz", pad + "y"},
		{pad[1:] + "üz", pad[1:] + "ü"},
		{pad[2:] + "€", pad[2:] + "€"},
		{pad[1:] + "€", pad[1:]},
	}
	for _, tt := range tests {
		h, _, err := ReadHeader(strings.NewReader("Subject: " + tt.in + "\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Subject(); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// A header section that is too large is refused after its bound was read.
func TestHeaderBounds(t *testing.T) {
	line := "X-A: " + strings.Repeat("a", 90) + "\r\n"
	tests := []struct {
		name, start, unit string
		ok                int // so many units are taken
	}{
		{"bytes", "", line, MaxHeader / len(line)},
		{"fields", "", "A:\r\n", MaxHeaderFields},
		{"one field", "A:\r\n", " " + line, MaxHeader/len(line) - 200},
	}
	for _, tt := range tests {
		if _, _, err := ReadHeader(strings.NewReader(tt.start + strings.Repeat(tt.unit, tt.ok) + "\r\n")); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		src := &counting{r: io.MultiReader(strings.NewReader(tt.start), &endless{text: tt.unit})}
		if _, _, err := ReadHeader(src); !errors.Is(err, ErrHeaderTooLarge) {
			t.Errorf("%s: got %v", tt.name, err)
		}
		if src.n > 2*MaxHeader+firstRead {
			t.Errorf("%s: %d bytes were read", tt.name, src.n)
		}
	}
}

type endless struct {
	text string
	rest string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.text
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestReadHeaderPassesErrors(t *testing.T) {
	broken := errors.New("broken")
	if _, _, err := ReadHeader(io.MultiReader(strings.NewReader("From: a\r\n"), iotest.ErrReader(broken))); err != broken {
		t.Errorf("got %v", err)
	}
	_, whole, err := ReadHeader(io.MultiReader(strings.NewReader("From: a\r\n\r\n"), iotest.ErrReader(broken)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(whole); err != broken {
		t.Errorf("got %v", err)
	}
}

func FuzzReadHeader(f *testing.F) {
	for _, s := range []string{"", "A: b\r\n\r\nc", "A: b\r\n c\r\nx", " x", "\r\n", "A:", "Subject: \xff\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		h, whole, err := ReadHeader(strings.NewReader(in))
		if err != nil {
			if !errors.Is(err, ErrHeaderTooLarge) {
				t.Fatal(err)
			}
			return
		}
		got, err := io.ReadAll(whole)
		if err != nil {
			t.Fatal(err)
		}
		want := in
		if h.Unclosed() {
			want = in[:h.end] + "\r\n" + in[h.end:]
		}
		if string(got) != want {
			t.Fatalf("%q became %q", in, got)
		}
		for _, s := range []string{h.Subject(), h.MessageID()} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00\x1b") {
				t.Fatalf("%q gives %q", in, s)
			}
		}
		// A field on top must end where it ends.
		again, _, err := ReadHeader(strings.NewReader("Received: top\r\n" + want))
		if err != nil {
			return
		}
		if v := again.Values("Received"); len(v) == 0 || v[0] != "top" {
			t.Fatalf("%q: the field on top became %q", in, v)
		}
	})
}
