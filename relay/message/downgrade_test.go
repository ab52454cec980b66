package message

import (
	"errors"
	"mime"
	"strings"
	"testing"
)

func TestDowngrade(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"ASCII", "Subject: plain\r\n  text\r\n", "Subject: plain\r\n  text\r\n"},
		{"subject", "Subject: Grüße\r\n", "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"},
		{"one word of many", "Subject: see the café there\r\n", "Subject: see the =?utf-8?q?caf=C3=A9?= there\r\n"},
		{"two words", "Subject: a é è b\r\n", "Subject: a =?utf-8?b?w6kgw6g=?= b\r\n"},
		{"long", "Subject: 今日は良い天気ですね今日は良い天気ですね今日は良い天気ですね\r\n",
			"Subject: =?utf-8?b?5LuK5pel44Gv6Imv44GE5aSp5rCX44Gn44GZ44Gt5LuK5pel44Gv?=\r\n =?utf-8?b?6Imv44GE5aSp5rCX44Gn44GZ44Gt5LuK5pel44Gv6Imv44GE5aSp5rCX44Gn?=\r\n =?utf-8?b?44GZ44Gt?=\r\n"},
		{"beside an encoded word", "Subject: é =?utf-8?q?=C3=A8?= é\r\n", "Subject: =?utf-8?b?w6kg?= =?utf-8?q?=C3=A8?= =?utf-8?b?IMOp?=\r\n"},
		{"folded", "Subject: a\r\n\té\r\n", "Subject: a\r\n\t=?utf-8?b?w6k=?=\r\n"},
		{"no space before", "Subject:é\r\n", "Subject:=?utf-8?b?w6k=?=\r\n"},
		{"space after", "X: é \r\n", "X: =?utf-8?b?w6k=?= \r\n"},
		{"not UTF-8", "Subject: caf\xe9 au lait\r\n", "Subject: =?unknown-8bit?q?caf=E9?= au lait\r\n"},
		{"unknown field", "X-Kunde: Müller\r\n", "X-Kunde: =?utf-8?q?M=C3=BCller?=\r\n"},
		{"many words", "Subject: " + strings.Repeat("x ", 30) + "é\r\n", "Subject: " + strings.Repeat("x ", 29) + "x\r\n =?utf-8?b?w6k=?=\r\n"},

		{"name", "From: Jürgen Müller <j@x.test>\r\n", "From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <j@x.test>\r\n"},
		{"half a name", "From: Jürgen Smith <j@x.test>\r\n", "From: =?utf-8?q?J=C3=BCrgen?= Smith <j@x.test>\r\n"},
		{"quoted", "To: \"Müller, \\\"J\\\"\" <j@x.test>, b@x.test\r\n", "To: =?utf-8?q?M=C3=BCller=2C_=22J=22?= <j@x.test>, b@x.test\r\n"},
		{"no space before <", "To: Müller<j@x.test>\r\n", "To: =?utf-8?q?M=C3=BCller?= <j@x.test>\r\n"},
		{"quoted beside", "To: Dr. \"J é\"<j@x.test>\r\n", "To: Dr. =?utf-8?q?J_=C3=A9?= <j@x.test>\r\n"},
		{"comment", "Cc: j@x.test (Müller (Jürgen) a)\r\n", "Cc: j@x.test (=?utf-8?q?M=C3=BCller?=\r\n (=?utf-8?q?J=C3=BCrgen?=) a)\r\n"},
		{"comment with a backslash", "Cc: j@x.test (\\( é)\r\n", "Cc: j@x.test (\\( =?utf-8?b?w6k=?=)\r\n"},
		{"group", "To: Gäste: a@x.test, Ö <b@x.test>;\r\n", "To: =?utf-8?q?G=C3=A4ste?=: a@x.test, =?utf-8?b?w5Y=?= <b@x.test>;\r\n"},
		{"domain", "To: a@bücher.test, <b@例え.test>\r\n", "To: a@xn--bcher-kva.test, <b@xn--r8jz45g.test>\r\n"},
		{"encoded word with a comma", "To: =?utf-8?q?M,_J?= Ö <a@x.test>\r\n", "To: =?utf-8?q?M,_J?= =?utf-8?b?IMOW?= <a@x.test>\r\n"},
		{"unclosed", "To: \"Müller <j@x.test>\r\n", "To: \"M?ller <j@x.test>\r\n"},
		{"keywords", "Keywords: a, é\r\n", "Keywords: a, =?utf-8?b?w6k=?=\r\n"},

		{"identifier", "References: <a@b>\r\n <1@é>\r\n", "References: <a@b>\r\n <1@=C3=A9>\r\n"},
		{"bare identifier", "Message-ID: é@x\r\n", "Message-ID: =C3=A9@x\r\n"},
		{"URL", "List-Unsubscribe: <https://x.test/é>, <mailto:é@x>\r\n", "List-Unsubscribe: <https://x.test/%C3%A9>, <mailto:%C3%A9@x>\r\n"},
		{"list", "List-Id: Öl <oil.x.test>\r\n", "List-Id: =?utf-8?b?w5Zs?= <oil.x.test>\r\n"},
		{"received", "Received: from é (hé)\r\n\tby x for <用户@x.test>; now\r\n", "Received: from ? (=?utf-8?b?aMOp?=)\r\n\tby x for <??@x.test>; now\r\n"},

		{"parameter", "Content-Disposition: attachment; filename=\"Übersicht 1.pdf\"\r\n", "Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht%201.pdf\r\n"},
		{"parameters", "Content-Type: application/pdf; name=é; charset=\"utf-8\"\r\n", "Content-Type: application/pdf; name*=utf-8''%C3%A9; charset=\"utf-8\"\r\n"},
		{"folded parameters", "Content-Type: application/pdf;\r\n\tname=\"é\";\r\n\tx=\"a;b\"\r\n", "Content-Type: application/pdf; name*=utf-8''%C3%A9;\r\n\tx=\"a;b\"\r\n"},
		{"long parameter", "Content-Disposition: attachment; filename=\"今日は良い天気です.pdf\"\r\n",
			"Content-Disposition: attachment;\r\n filename*0*=utf-8''%E4%BB%8A%E6%97%A5%E3%81%AF%E8%89%AF;\r\n filename*1*=%E3%81%84%E5%A4%A9%E6%B0%97%E3%81%A7%E3%81%99.pdf\r\n"},
		{"unknown charset", "Content-Type: a/b; name=\"\xb1\xb1\"\r\n", "Content-Type: a/b; name*=unknown-8bit''%B1%B1\r\n"},
		{"pieces", "Content-Type: a/b; name*0=\"é\"; name*1=\"è\"\r\n", "Content-Type: a/b; name*0*=utf-8''%C3%A9; name*1*=%C3%A8\r\n"},
		{"extended", "Content-Type: a/b; name*=utf-8''é\r\n", "Content-Type: a/b; name*=utf-8''%C3%A9\r\n"},
		{"stray quote", "Content-Type: a/b; name=\"é; x=y\r\n", "Content-Type: a/b; name*=utf-8''%C3%A9; x=y\r\n"},
		{"odd type", "Content-Type: é/b; name=x\r\n", "Content-Type: ?/b; name=x\r\n"},
		{"odd name", "Content-Type: a/b; é=x\r\n", "Content-Type: a/b; ?=x\r\n"},
	}
	for _, tt := range tests {
		got, err := Downgrade(section(t, tt.in+"\r\n")[0])
		if err != nil || string(got.Raw()) != tt.want {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", tt.name, got.Raw(), err, tt.want)
		}
	}
}

func TestDowngradeFails(t *testing.T) {
	for _, in := range []string{
		"From: Jürgen <jürgen@x.test>\r\n", "To: a@x.test, 用户@x.test\r\n", "Cc: <\"é\"@x.test>\r\n", "Sender: <é>\r\n", "To: a@\xff.test\r\n", "To: <a@-é.test>\r\n",
	} {
		f := section(t, in+"\r\n")[0]
		got, err := Downgrade(f)
		var e *AddressError
		if !errors.As(err, &e) || e.Field != f.Name() || string(got.Raw()) != in {
			t.Errorf("%q: got %q, %v", in, got.Raw(), err)
		}
	}
}

// Whatever comes, the field is ASCII then, one field as before, with no longer
// lines than it had or than we write, and it means the same.
func FuzzDowngrade(f *testing.F) {
	for _, name := range []string{"Subject", "From", "References", "List-Help", "Content-Type", "Received"} {
		for _, v := range []string{
			" é", "é (ü (a\\)ö)) <a@b>", " \"é\\\" , x\" <a@é>,: ;", " a/b; n=\"é\"; é; m*1=ü (é)", "\xff\xfe \t\r\n é\r\n\t=?utf-8?q?x?=\té", " <é> [é] \"é",
			strings.Repeat("日", 100), " (" + strings.Repeat("日 ", 50), " a; b=\"" + strings.Repeat("\xff", 100),
		} {
			f.Add(name, v)
		}
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		h, _, err := ReadHeader(strings.NewReader(name + ":" + value + "\r\n\r\n"))
		if err != nil {
			return
		}
		fields := h.Fields()
		if len(fields) == 0 {
			return
		}
		in := fields[0]
		got, err := Downgrade(in)
		if err != nil {
			return
		}
		if !isASCII(got.raw) {
			t.Fatalf("%q became %q", in.raw, got.raw)
		}
		before, after := longest(in.raw), longest(got.raw)
		if most := max(6*before+maxEncodedWord, 200); after > most {
			t.Fatalf("%q became %q: a line of %d bytes", in.raw, got.raw, after)
		}
		again, _, err := ReadHeader(strings.NewReader(string(got.raw) + "\r\n"))
		if err == nil && (len(again.Fields()) != 1 || string(again.Fields()[0].raw) != string(got.raw)) {
			t.Fatalf("%q became %q: %d fields", in.raw, got.raw, len(again.Fields()))
		}
		if strings.ContainsAny(strings.ReplaceAll(value, "\r\n", ""), "\r\n") {
			return // no message that was taken in has these; they mean nothing
		}
		if kindOf(in.Name()) != kindText || strings.Contains(value, "=?") || charsetOf(in.value()) != charsetUTF8 {
			return
		}
		meant, err := new(mime.WordDecoder).DecodeHeader(unfold(got.value()))
		if want := unfold(in.value()); err != nil || strings.Join(strings.Fields(meant), " ") != strings.Join(strings.Fields(want), " ") {
			t.Fatalf("%q became %q, which means %q, %v", want, got.raw, meant, err)
		}
	})
}

func longest(raw []byte) int {
	n := 0
	for line := range strings.Lines(string(raw)) {
		n = max(n, len(line))
	}
	return n
}
