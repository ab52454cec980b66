package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// made are the messages that no editor would leave as they are, and the large
// ones.
func made() []sample {
	return slices.Concat(madeHeaders(), madeTexts(), madeLineEnds(), madeLong())
}

// head is a usual header section, with more fields.
func head(name, more string) string {
	return fmt.Sprintf("From: <made@example.org>\r\nTo: <bob@example.com>\r\nSubject: %s\r\n"+
		"Date: Tue, 03 Nov 2026 11:00:00 +0100\r\nMessage-ID: <made-%s@example.org>\r\n%s", name, name, more)
}

// madeText has a usual header.
func madeText(name, text string) sample {
	return sample{name: name, content: []byte(head(name, "") + "\r\n" + text)}
}

func madeHeaders() []sample {
	many := make([]string, 500)
	for i := range many {
		many[i] = fmt.Sprintf("\"Guest number %d\" <guest-%d@example.com>", i, i)
	}
	return []sample{
		{name: "many-recipients", content: []byte("From: <made@example.org>\r\nTo: " + strings.Join(many, ",\r\n ") +
			"\r\nDate: Tue, 03 Nov 2026 11:00:00 +0100\r\nMessage-ID: <many-recipients@example.org>\r\n\r\nHello all.\r\n")},
		{name: "empty-fields", content: []byte(head("", "X-Empty:\r\nX-Blank: \r\nX-Tabs:\t\t\r\nX-Folded-Empty:\r\n \r\n\t\r\nX-Folded-Late:\r\n value\r\nX-Folded-End: value\r\n \r\n") + "\r\nHello.\r\n")},
		{name: "trailing-blanks", content: []byte(head("blanks at the end \t ", "X-Blanks:   before and after \t\r\nX-Folded: one  \t\r\n \t two \t\r\n") + "\r\nHello.\r\n")},
		{name: "header-only", content: []byte(head("header-only", ""))},
		{name: "text-after-header", content: []byte(head("text-after-header", "") + "this line is no field, and no empty line stands before it\r\nend\r\n"), closed: true},
		{name: "header-latin1", content: []byte(head("header-latin1", "Comments: caf\xe9\r\nX-Latin: \xfcber\r\n") + "\r\nHello.\r\n")},
		{name: "header-line-998", content: []byte(head("header-line-998", "X-Long: "+strings.Repeat("y", 990)+"\r\n") + "\r\nHello.\r\n")},
		{name: "header-100k", content: []byte(head("header-100k", strings.Repeat("X-Spam-Report: "+strings.Repeat("report ", 12)+"\r\n", 1000)) + "\r\nHello.\r\n")},
		{name: "header-escapes", content: []byte(head("\x1b[31mred\x07", "X-Tab:\ta\tb\r\n") + "\r\nHello.\r\n")},
		{name: "header-form-feed", content: []byte(head("a\x0cb\x0bc", "") + "\r\nHello.\r\n")},
	}
}

func madeTexts() []sample {
	eight := madeText("latin1", "Gr\xfc\xdfe, 12 \xa4\r\n")
	eight.content = []byte(head("latin1", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-15\r\nContent-Transfer-Encoding: 8bit\r\n") + "\r\nGr\xfc\xdfe, 12 \xa4\r\n")
	gb := sample{name: "gb2312", content: []byte(head("gb2312", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: 8bit\r\n") + "\r\n\xc4\xe3\xba\xc3\r\n")}
	return []sample{
		eight, gb,
		madeText("empty-body", ""),
		madeText("crlf-body", strings.Repeat("\r\n", 20)),
		madeText("blank-body", " \r\n\t\r\n  \t \r\n"),
		madeText("trailing-empty-lines", "Hello.\r\n"+strings.Repeat("\r\n", 30)),
		madeText("trailing-blank-lines", "Hello.\r\n \r\n\t\r\n"),
		madeText("blanks-in-lines", "two  blanks\ttab \t both\r\n at the beginning\r\nat the end \t\r\n"),
		madeText("lone-dots", ".\r\n.\r\n..\r\n.\r\n"),
		madeText("dot-first", ".first line\r\n"),
		madeText("nul", "a\x00b\r\n"),
		madeText("control-characters", "\x01\x07\x08\x0b\x0c\x1b[31m\x7f\r\n"),
		madeText("line-998", strings.Repeat("x", 998)+"\r\n"),
	}
}

func madeLineEnds() []sample {
	lf := madeText("bare-lf", "")
	lf.content, lf.mended = []byte("From: <made@example.org>\nTo: <bob@example.com>\nSubject: bare LF\nDate: Tue, 03 Nov 2026 11:00:00 +0100\nMessage-ID: <bare-lf@example.org>\n\nOne\n.\n..two\n\nthree\n"), true
	lf.chunks = true
	mixed := madeText("mixed-line-ends", "CRLF\r\nLF\nCR\rLF.LF\n.\nend\r\n")
	mixed.mended = true
	crcrlf := sample{name: "cr-cr-lf", content: []byte(strings.ReplaceAll(head("cr-cr-lf", "")+"\r\nOne\r\nTwo\r\n", "\r\n", "\r\r\n")), mended: true, chunks: true}
	none := madeText("no-final-newline", "The end comes without a line end")
	none.chunks = true
	headerNone := sample{name: "header-no-final-newline", content: []byte(strings.TrimSuffix(head("header-no-final-newline", ""), "\r\n")), chunks: true}
	return []sample{lf, mixed, crcrlf, none, headerNone}
}

func madeLong() []sample {
	mime := func(name, kind, encoding, text string) sample {
		return sample{name: name, recoded: true, content: []byte(head(name, "MIME-Version: 1.0\r\nContent-Type: "+kind+"\r\nContent-Transfer-Encoding: "+encoding+"\r\n") + "\r\n" + text)}
	}
	long := madeText("long-text-line", strings.Repeat("A line of text that goes on. ", 69)+"\r\nshort\r\n")
	long.recoded = true
	blob := base64.StdEncoding.EncodeToString(noise(30_000))
	html := "<html><body>" + strings.Repeat("<p>Every newsletter tool writes its page into one line.</p>", 500) + "</body></html>\r\n"
	parts := "--long\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + strings.Repeat("<p>Grüße</p>", 300) +
		"\r\n--long\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + blob + "\r\n--long--\r\n"
	subject := madeText("long-header-line", "Hello.\r\n")
	subject.content = []byte(head("long-header-line", "References: "+strings.Repeat("<0123456789@mail.example.org> ", 50)+"\r\n") + "\r\nHello.\r\n")
	subject.recoded = true
	return []sample{
		long, subject,
		mime("base64-one-line", "application/octet-stream; name=blob.bin", "base64", blob+"\r\n"),
		mime("html-one-line", "text/html; charset=us-ascii", "7bit", html),
		mime("html-8bit-one-line", "text/html; charset=utf-8", "8bit", strings.ReplaceAll(html, "tool", "tööl")),
		mime("quoted-printable-one-line", "text/plain; charset=utf-8", "quoted-printable", strings.Repeat("Gr=C3=BC=C3=9Fe =3D ", 100)+"\r\nend=20\r\n"),
		mime("parts-long-lines", "multipart/mixed; boundary=long", "8bit", parts),
		attachment("attachment-1m", 1<<20),
	}
}

// attachment is a mail with a file of so many bytes.
func attachment(name string, size int) sample {
	var b bytes.Buffer
	b.WriteString(head(name, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_file\"\r\n"))
	b.WriteString("\r\n--=_file\r\nContent-Type: text/plain\r\n\r\nA large file.\r\n--=_file\r\n" +
		"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=file.bin\r\n\r\n")
	const line = 57
	for data := noise(size); len(data) > 0; data = data[min(line, len(data)):] {
		b.WriteString(base64.StdEncoding.EncodeToString(data[:min(line, len(data))]))
		b.WriteString("\r\n")
	}
	b.WriteString("--=_file--\r\n")
	return sample{name: name, content: b.Bytes()}
}

// noise is the same each time.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}
