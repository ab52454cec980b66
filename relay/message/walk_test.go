package message

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// story writes down what a walker tells.
type story struct {
	all    bytes.Buffer // every byte, in order
	events []string     // pieces of one text in one
	piece  strings.Builder
}

func (s *story) section(e *entity, raw []byte) {
	s.all.Write(raw)
	s.events = append(s.events, fmt.Sprintf("%d section %d %s %q", e.depth, e.kind, e.media, raw))
}

func (s *story) text(_ *entity, piece []byte) {
	s.all.Write(piece)
	s.piece.Write(piece)
}

func (s *story) longLine(*entity) { s.events = append(s.events, "long") }

func (s *story) end(_ *entity, last bool) {
	if s.piece.Len() > 0 {
		s.events = append(s.events, fmt.Sprintf("text %q", s.piece.String()))
		s.piece.Reset()
	}
	s.events = append(s.events, fmt.Sprintf("end %v", last))
}

func (s *story) delimiter(raw []byte) {
	s.all.Write(raw)
	s.events = append(s.events, fmt.Sprintf("delimiter %q", raw))
}

func walk(in []byte, size int) *story {
	s := &story{}
	w := newWalker(s)
	for part := range slices.Chunk(in, size) {
		w.write(part)
	}
	w.close()
	return s
}

func TestWalk(t *testing.T) {
	long := strings.Repeat("x", maxLineLength)
	tests := []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", []string{`0 section 0 text/plain ""`, "end true"}},
		{"no parts", "A: b\n\nx\n", []string{`0 section 0 text/plain "A: b\r\n\r\n"`, `text "x\r\n"`, "end true"}},
		{"no empty line", "A: b\ntext\n", []string{`0 section 0 text/plain "A: b\r\n"`, `text "text\r\n"`, "end true"}},
		{"long lines", long + "\n" + long + "x\n", []string{`0 section 0 text/plain ""`, "long", fmt.Sprintf("text %q", long+"\r\n"+long+"x\r\n"), "end true"}},
		{"parts", "Content-Type: multipart/x; boundary=b\n\npre\n--b\n\none\n--b \t\nA: b\n--b--\nepi\n", []string{
			`0 section 1 multipart/x "Content-Type: multipart/x; boundary=b\r\n\r\n"`, `text "pre"`, "end false", `delimiter "\r\n--b\r\n"`,
			`1 section 0 text/plain "\r\n"`, `text "one"`, "end false", `delimiter "\r\n--b \t\r\n"`,
			`1 section 0 text/plain "A: b\r\n"`, "end false", `delimiter "--b--\r\n"`,
			`text "epi\r\n"`, "end true",
		}},
		{"the outer boundary ends all within", "Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/x; boundary=c\n\n--c\n\nx\n--b--\n--c\n", []string{
			`0 section 1 multipart/x "Content-Type: multipart/x; boundary=b\r\n\r\n"`, "end false", `delimiter "--b\r\n"`,
			`1 section 2 message/rfc822 "Content-Type: message/rfc822\r\n\r\n"`,
			`2 section 1 multipart/x "Content-Type: multipart/x; boundary=c\r\n\r\n"`, "end false", `delimiter "--c\r\n"`,
			`3 section 0 text/plain "\r\n"`, `text "x"`, "end false", `delimiter "\r\n--b--\r\n"`, `text "--c\r\n"`, "end true",
		}},
		{"long lines like delimiters", "Content-Type: multipart/x; boundary=b\n\n--b" + long + "\n--" + long + "\n--b\n\n", []string{
			`0 section 1 multipart/x "Content-Type: multipart/x; boundary=b\r\n\r\n"`, "long", "long",
			fmt.Sprintf("text %q", "--b"+long+"\r\n--"+long), "end false", `delimiter "\r\n--b\r\n"`,
			`1 section 0 text/plain "\r\n"`, "end true",
		}},
		{"one boundary twice", "Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: multipart/x; boundary=b\n\n--b\n\nx\n", []string{
			`0 section 1 multipart/x "Content-Type: multipart/x; boundary=b\r\n\r\n"`, "end false", `delimiter "--b\r\n"`,
			`1 section 3 multipart/x "Content-Type: multipart/x; boundary=b\r\n\r\n"`, "end false", `delimiter "--b\r\n"`,
			`1 section 0 text/plain "\r\n"`, `text "x"`, "end false", `delimiter "\r\n"`,
		}},
	}
	for _, tt := range tests {
		in := []byte(strings.ReplaceAll(tt.in, "\n", crlf))
		for size := 1; size <= len(in)+1; size++ {
			if got := walk(in, size).events; !slices.Equal(got, tt.want) {
				t.Errorf("%s, by %d bytes: got\n%s\nwant\n%s", tt.name, size, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
				break
			}
		}
	}
}

// What is too deep, too many or too large is passed on.
func TestWalkBounds(t *testing.T) {
	var deep strings.Builder
	for i := range 2 * maxDepth {
		fmt.Fprintf(&deep, "Content-Type: multipart/x; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	nested := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 2*maxDepth)
	many := "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n" + strings.Repeat("\r\nx\r\n--b\r\n", maxEntities+100)
	large := "A: " + strings.Repeat("x", MaxHeader) + "\r\n\r\nx\r\n"
	for name, in := range map[string]string{"deep": deep.String(), "nested": nested, "many": many, "large": large, "fields": strings.Repeat("A: b\r\n", MaxHeaderFields+10)} {
		s := &story{}
		w := newWalker(s)
		w.write([]byte(in))
		w.close()
		if s.all.String() != in || len(w.open) > maxDepth || w.seen > maxEntities || cap(w.head) > 2*MaxHeader {
			t.Errorf("%s: %d open, %d seen, %d bytes of header", name, len(w.open), w.seen, cap(w.head))
		}
		if _, err := (Recode{LongLines: true}).Plan(strings.NewReader(in + strings.Repeat("y", 1200) + "\r\n")); err == nil {
			t.Errorf("%s: a line in what is not followed may be changed", name)
		}
	}
}

// All bytes come out, in order, the same for pieces of any size; and what Scan
// lets in can be recoded.
func FuzzWalk(f *testing.F) {
	for _, s := range shapes() {
		f.Add([]byte(s.text), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		whole := walk(in, len(in)+1)
		pieces := walk(in, int(size)+1)
		if !bytes.Equal(whole.all.Bytes(), in) || !bytes.Equal(pieces.all.Bytes(), in) {
			t.Fatalf("%q became %q and %q", in, whole.all.Bytes(), pieces.all.Bytes())
		}
		if lines, err := io.ReadAll(&Newlines{Source: bytes.NewReader(in)}); err != nil || !bytes.Equal(lines, in) {
			return // not as it comes in
		}
		if !slices.Equal(whole.events, pieces.events) {
			t.Fatalf("%q told\n%q by itself and\n%q in pieces", in, whole.events, pieces.events)
		}
		scan := &Scan{Source: bytes.NewReader(in)}
		_, scanned := io.Copy(io.Discard, scan)
		plan, planned := Recode{LongLines: true}.Plan(bytes.NewReader(in))
		if (scanned == nil) != (planned == nil) || planned == nil && plan.Needed() != scan.LongLines() {
			t.Fatalf("%q: Scan gave %v, Plan %v", in, scanned, planned)
		}
		if scan.EightBit() == isASCII(in) && scanned == nil {
			t.Fatalf("8-bit: %v of %q", scan.EightBit(), in)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	part := "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(line, 4<<20/len(line))
	for name, in := range map[string]string{
		"text":  "Subject: x\r\n\r\n" + strings.Repeat(line, 8<<20/len(line)),
		"parts": "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n" + part + "--=_b\r\n" + part + "--=_b--\r\n",
		"small": "Subject: x\r\nFrom: a@b\r\nTo: c@d\r\nDate: today\r\nMessage-ID: <a@b>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat(line, 130),
	} {
		b.Run(name, func(b *testing.B) {
			r := strings.NewReader(in)
			buf := make([]byte, 32<<10)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(in)
				s := &Scan{Source: r}
				for {
					if _, err := s.Read(buf); err != nil {
						break
					}
				}
			}
		})
	}
}
