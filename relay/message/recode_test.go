package message

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// The shapes that recoding must not damage; each holds what has to be mended.
var (
	longASCII = strings.Repeat("0123456789 abcdefgh ", 60)
	longUml   = strings.Repeat("grüße an alle ", 90)
)

type shape struct{ name, text string }

func shapes() []shape {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	mixed := func(parts ...string) string {
		return crlf("Subject: m\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b 1\"\n\npreamble\n--b 1\n" +
			strings.Join(parts, "\n--b 1\n") + "\n--b 1--\nepilogue\n")
	}
	b64 := "QUJD" + strings.Repeat("ZGVm", 400)
	return []shape{
		{"no MIME, long", crlf("Subject: a\n\n" + longASCII + "\n\n" + longASCII + "\n")},
		{"no MIME, UTF-8", crlf("Subject: a\n\ngrüße\n  \n")},
		{"no MIME, Latin-1", crlf("Subject: a\n\ngr\xfc\xdfe \n")},
		{"no header", crlf("\ngrüße\n")},
		{"mostly not ASCII", crlf("Subject: a\n\n" + strings.Repeat("注文の確認です。", 200) + "\n")},
		{"typed text", crlf("Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\nSubject: x\n\n<p>\xe4\xf6\xfc " + longASCII + "</p>\t\n.\n..\n--\nFrom here\n=3D=\n")},
		{"folded encoding field", crlf("Content-Transfer-Encoding:\n 8bit\nContent-Type: text/plain;\n\tcharset=utf-8\n\nü\n")},
		{"two encoding fields", crlf("Content-Transfer-Encoding: 8bit\nContent-Transfer-Encoding: 8bit\n\nü\n")},
		{"binary", crlf("MIME-Version: 1.0\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n") + strings.Repeat("\x00\xff\x80\x01", 700) + "\r\n"},
		{"text with NUL", crlf("Content-Type: text/plain\n\na\x00ü\n")},
		{"quoted-printable, long", crlf("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("gr=C3=BC=c3=9fe ", 200) + "=\nsoft  \n--b\nü=20\n" + strings.Repeat("x", 2000) + " \n")},
		{"base64, long", crlf("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + b64 + "\n" + b64 + "==\n")},
		{"mixed", mixed("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"+longUml+"\n",
			"Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment\n\n%PDF\xe2\xe3\xcf\xd3",
			"\nno header: ü",
			"Content-Type: image/gif\nContent-Transfer-Encoding: base64\n\n"+b64,
			"Content-Type: text/plain\n\nclean\n")},
		{"text like boundaries", mixed("Content-Type: text/plain\n\n" + longASCII + "\n--b 1x\n--b\n--b 1-\n--\n-\n--b 2--\nü")},
		{"nested", mixed("Content-Type: multipart/alternative; boundary=in\nContent-Transfer-Encoding: 8bit\n\n--in\n\nü\n--in\nContent-Type: text/html\n\n<b>ü</b>\n--in--\nü after",
			"Content-Type: text/plain\n\n"+longASCII)},
		{"inner not closed", mixed("Content-Type: multipart/alternative; boundary=in\n\n--in\n\nü",
			"Content-Type: text/plain\n\nü"+longASCII)},
		{"boundary that begins with the outer one", mixed("Content-Type: multipart/alternative; boundary=\"b 1 in\"\n\n--b 1 in\n\nü\n--b 1 in\n\nv\n--b 1 in--\n")},
		{"no end", crlf("Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nü\n--x\nContent-Type: image/png\n\n\x89PNG\n")},
		{"ends with a delimiter", crlf("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nü\n--x\n")},
		{"empty parts", mixed("Content-Type: text/plain\n", "", "\n", "Content-Type: text/plain\n\nü")},
		{"preamble and epilogue", crlf("Content-Type: multipart/mixed; boundary=x\n\n" + longUml + "\n--x\n\nü\n--x--\n" + longUml + "\n")},
		{"message within", mixed("Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: in\nFrom: a@b\n\ngrüße "+longASCII+"\n",
			"Content-Type: message/rfc822\n\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\nü\n--y--\n")},
		{"digest", crlf("Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: one\n\nü\n--x\n\nSubject: two\n\n" + longASCII + "\n--x--\n")},
		{"signed beside", mixed("Content-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"; micalg=pgp-sha256\n\n--s\n\nclean\n--s\nContent-Type: application/pgp-signature\n\nsig\n--s--",
			"Content-Type: text/plain\n\nü")},
		{"white space lines", crlf("Content-Type: text/plain\n\n \n\t\n   ü   \n" + strings.Repeat(" ", 1100) + "\n")},
		{"long header", crlf("Subject: " + longASCII + "\nX-Other: " + strings.Repeat("v ", 700) + "\n\nclean\n")},
		{"unusual spelling", crlf("content-type: TEXT/Plain (comment \\) here) ; Charset=\"utf-8\"\nCONTENT-TRANSFER-ENCODING: 8BIT (really)\n\nü\n")},
	}
}

func recodedBy(t testing.TB, c Recode, in string, wrap func(io.Reader) io.Reader) (string, *Plan) {
	t.Helper()
	p, err := c.Plan(wrap(strings.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(p.Reader(wrap(strings.NewReader(in))))
	if err != nil {
		t.Fatal(err)
	}
	return string(out), p
}

func whole(r io.Reader) io.Reader { return r }

// checkMended wants nothing in a message any more that had to be mended.
func checkMended(t testing.TB, c Recode, in, out string) {
	t.Helper()
	if tooLong([]byte(out)) && c.LongLines {
		t.Errorf("a line is too long in %q", out)
	}
	if c.EightBit && c.Header && !isASCII([]byte(out)) {
		t.Errorf("not ASCII: %q", out)
	}
	if bytes.Count([]byte(out), []byte{'\n'}) != strings.Count(out, crlf) {
		t.Errorf("bare line ends in %q", out)
	}
	again, p := recodedBy(t, c, out, whole)
	if p.Needed() {
		t.Errorf("recoding %q\ngave %q\nwhich wants %+v\nand gives %q", in, out, p.actions, again)
	}
}

func TestRecode(t *testing.T) {
	var before, after []string
	for _, tt := range shapes() {
		for _, c := range []Recode{{LongLines: true}, {EightBit: true}, {LongLines: true, EightBit: true}, {LongLines: true, EightBit: true, Header: true}} {
			out, _ := recodedBy(t, c, tt.text, whole)
			checkMended(t, c, tt.text, out)
			for size := 1; size < 20; size += 3 {
				wrap := func(r io.Reader) io.Reader { return iotest.DataErrReader(&sized{r, size}) }
				if got, _ := recodedBy(t, c, tt.text, wrap); got != out {
					t.Errorf("%s: read by %d bytes it is %q, want %q", tt.name, size, got, out)
				}
			}
			sameLeaves(t, tt.name, tt.text, out)
			before, after = append(before, tt.text), append(after, out)
		}
	}
	samePython(t, before, after)
}

func TestRecodeNothing(t *testing.T) {
	for _, c := range []Recode{{}, {LongLines: true}, {EightBit: true}} {
		in := "Subject: x\r\n\r\nclean\r\n"
		r := strings.NewReader(in)
		p, err := c.Plan(strings.NewReader(in))
		if err != nil || p.Needed() || p.Reader(r) != io.Reader(r) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestRecodeExactly(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no MIME", "Subject: a\n\n1234 ü\n", "Subject: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n1234 =C3=BC\n"},
		{"Latin-1", "Subject: a\n\n12345 \xfc\n", "Subject: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n12345 =FC\n"},
		{"replaced", "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\nSubject: b\n\n12345 ü\n", "MIME-Version: 1.0\nContent-Type: text/plain\nSubject: b\nContent-Transfer-Encoding: quoted-printable\n\n12345 =C3=BC\n"},
		{"the whole is 7bit too",
			"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n\n--x\nContent-Type: image/x\n\nü\n--x--\n",
			"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 7bit\n\n--x\nContent-Type: image/x\nContent-Transfer-Encoding: base64\n\nw7w=\n--x--\n"},
		{"base64 at the end", "MIME-Version: 1.0\nContent-Type: image/x\n\nü\n", "MIME-Version: 1.0\nContent-Type: image/x\nContent-Transfer-Encoding: base64\n\nw7wNCg==\n"},
	}
	for _, tt := range tests {
		in, want := strings.ReplaceAll(tt.in, "\n", crlf), strings.ReplaceAll(tt.want, "\n", crlf)
		if got, _ := recodedBy(t, Recode{EightBit: true}, in, whole); got != want {
			t.Errorf("%s: got %q, want %q", tt.name, got, want)
		}
	}
}

func TestRecodeRefuses(t *testing.T) {
	signed := "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Type: text/plain\r\n%s\r\n%s\r\n--s--\r\n"
	long := strings.Repeat("x", 999)
	tests := []struct {
		name, in string
		want     UnmendableError
	}{
		{"signed, long", strings.Replace(strings.Replace(signed, "%s", "", 1), "%s", long, 1), UnmendableError{LongLine: true, Type: "text/plain"}},
		{"signed, 8-bit", strings.Replace(strings.Replace(signed, "%s", "", 1), "%s", "ü", 1), UnmendableError{Type: "text/plain"}},
		{"signed, header", strings.Replace(strings.Replace(signed, "%s", "X-A: a "+long+"\r\n", 1), "%s", "", 1), UnmendableError{LongLine: true, Header: true, Type: "text/plain"}},
		{"S/MIME", "Content-Type: application/x-pkcs7-mime\r\n\r\n" + long + "\r\n", UnmendableError{LongLine: true, Type: "application/x-pkcs7-mime"}},
		{"no white space in the header", "X-A: a" + long + "\r\n\r\n", UnmendableError{LongLine: true, Header: true, Type: "text/plain"}},
		{"unknown encoding", "Content-Transfer-Encoding: x-own\r\n\r\n" + long + "\r\n", UnmendableError{LongLine: true, Type: "text/plain"}},
		{"delivery status", "Content-Type: message/delivery-status\r\n\r\nü\r\n", UnmendableError{Type: "message/delivery-status"}},
		{"no boundary", "Content-Type: multipart/mixed\r\n\r\nü\r\n", UnmendableError{Type: "multipart/mixed"}},
		{"no parts", "Content-Type: multipart/mixed; boundary=x\r\n\r\nü\r\n", UnmendableError{Type: "multipart/mixed"}},
		{"closed at once", "Content-Type: multipart/mixed; boundary=x\r\n\r\nü\r\n--x--\r\n", UnmendableError{Type: "multipart/mixed"}},
		{"control characters in the type", "Content-Type: message/x\x1b[2J\r\n\r\nü\r\n", UnmendableError{Type: "unknown"}},
	}
	for _, tt := range tests {
		_, err := Recode{LongLines: true, EightBit: true}.Plan(strings.NewReader(tt.in))
		var got *UnmendableError
		if !errors.As(err, &got) || *got != tt.want {
			t.Errorf("%s: got %#v, want %#v", tt.name, err, tt.want)
		}
		_, err = io.ReadAll(&Scan{Source: strings.NewReader(tt.in)})
		got = nil
		if errors.As(err, &got) != tt.want.LongLine || got != nil && *got != tt.want {
			t.Errorf("%s: Scan gave %v", tt.name, err)
		}
	}
}

func TestPlanReadError(t *testing.T) {
	boom := errors.New("boom")
	r := io.MultiReader(strings.NewReader("A: b\r\n\r\nü\r\n"), iotest.ErrReader(boom))
	if _, err := (Recode{EightBit: true}).Plan(r); err != boom {
		t.Errorf("got %v", err)
	}
	_, p := recodedBy(t, Recode{EightBit: true}, "A: b\r\n\r\nü\r\n", whole)
	r = io.MultiReader(strings.NewReader("A: b\r\n\r\nü\r\n"), iotest.ErrReader(boom))
	if _, err := io.ReadAll(p.Reader(r)); err != boom {
		t.Errorf("got %v", err)
	}
}

func FuzzRecode(f *testing.F) {
	for _, s := range shapes() {
		f.Add([]byte(s.text), uint16(5))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		clean, err := io.ReadAll(&Newlines{Source: bytes.NewReader(in)})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []Recode{{LongLines: true, EightBit: true}, {LongLines: true, EightBit: true, Header: true}} {
			p, err := c.Plan(bytes.NewReader(clean))
			if err != nil {
				continue
			}
			out, err := io.ReadAll(p.Reader(&sized{bytes.NewReader(clean), int(size) + 1}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Plan(bytes.NewReader(out)); err != nil {
				t.Fatalf("%q became %q, which is refused: %v", clean, out, err)
			}
			checkMended(t, c, string(clean), string(out))
			if _, err := leaves(bytes.NewReader(clean)); err == nil && !c.Header && closed(clean) {
				sameLeaves(t, "fuzz", string(clean), string(out))
			}
		}
	})
}

// closed reports whether each header section ends with an empty line, and each
// multipart with its last delimiter: where they do not, receivers differ in what
// is text.
func closed(in []byte) bool {
	c := &unclosedSections{story: &story{}}
	w := newWalker(c)
	w.write(in)
	w.close()
	return !c.open && len(w.open) == 0
}

type unclosedSections struct {
	*story
	open bool
}

func (c *unclosedSections) section(_ *entity, raw []byte) {
	c.open = c.open || string(raw) != crlf && !bytes.HasSuffix(raw, []byte(crlf+crlf))
}

// sized gives n bytes a read.
type sized struct {
	io.Reader
	n int
}

func (s *sized) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), s.n)]) }

// Python's email package must see the same in messages that broken senders
// might make of the shapes: with lines left out, doubled or in another place.
func TestRecodeMixedUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var before, after []string
	for range 25 {
		for _, tt := range shapes() {
			if tt.name == "base64, long" {
				continue // what is no base64 any more Python shows as it stands
			}
			lines := strings.SplitAfter(tt.text, crlf)
			for range 1 + random.IntN(3) {
				i, j := random.IntN(len(lines)), random.IntN(len(lines))
				switch random.IntN(3) {
				case 0:
					lines = slices.Delete(lines, i, i+1)
				case 1:
					lines = slices.Insert(lines, j, lines[i])
				default:
					lines[i], lines[j] = lines[j], lines[i]
				}
				if len(lines) == 0 {
					break
				}
			}
			in := strings.Join(lines, "")
			c := Recode{LongLines: true, EightBit: true}
			p, err := c.Plan(strings.NewReader(in))
			if err != nil || !p.Needed() || !closed([]byte(in)) {
				continue
			}
			out, err := io.ReadAll(p.Reader(strings.NewReader(in)))
			if err != nil {
				t.Fatal(err)
			}
			checkMended(t, c, in, string(out))
			before, after = append(before, in), append(after, string(out))
		}
	}
	if len(before) < 100 {
		t.Errorf("only %d messages were recoded", len(before))
	}
	samePython(t, before, after)
}
