package bounce

import (
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Whatever strangers say, a notice comes of it, and it is well formed.
func FuzzCompose(f *testing.F) {
	seeds := []struct{ subject, id, envelope, address, orcpt, reply, status, raw string }{
		{"Your order", "<a@b>", "QQ1", "bob@example.net", "rfc822;bob@example.net", "No such user", "5.1.1", content},
		{"\x1b[31m\r\nBcc: x@y", "<a\r\n@b>", "a\r\nb", `"a\"> b"@c`, "rfc822;a\r\n\r\nAction: delivered", "bye\r\n--report-\x00", "9.9.9\r\n", "X: \xff\r\n\r\n\x00"},
		{"=?utf-8?q?=1B=5B2J?=", "<>", "", "jörg@bücher.example", "utf-8;jörg@bücher.example", strings.Repeat("é", 2000), "4.2.2", "Subject: Grüße\r\n\r\nGrüße"},
		{strings.Repeat("  ", 300), strings.Repeat("<", 2000), strings.Repeat("x", 3000), `"a   b"@c`, ";;", strings.Repeat("  y", 900), "5.7.", strings.Repeat("a", 5000)},
		{"=?gb2312?B?xOO6ww==?=", "<a@b>", "+", "a@b", "utf-8;\\x{E9}", "\u202e\u2028\ufeff", "", "\r\n\r\n"},
		{"=?x-unknown?q?a?=", " <a@b>", "=", "a@b", "x 1;b", ".\r\n.", "5", "\n\n\n: \n"},
	}
	for _, s := range seeds {
		f.Add(s.subject, s.id, s.envelope, s.address, s.orcpt, s.reply, s.status, []byte(s.raw), true, uint8(0))
		f.Add(s.subject, s.id, s.envelope, s.address, s.orcpt, s.reply, s.status, []byte(s.raw), false, uint8(1))
	}
	f.Fuzz(func(t *testing.T, subject, id, envelope, address, orcpt, reply, status string, raw []byte, full bool, c uint8) {
		path, err := relay.ParseAddress(address, true) // what the door lets through
		if err != nil {
			path = "bob@example.net"
		}
		m := message()
		m.Subject, m.MessageID, m.EnvelopeID, m.UTF8, m.From = subject, id, envelope, c&4 != 0, path
		r := refused(path, 550, status, reply, "")
		r.OriginalRecipient = orcpt
		n := about(cause(c%3), m, string(raw), full, r, refused("x@example.net", 0, "", reply, "unknown-mailbox"))
		if out := mustCompose(t, n); len(out) > spool.MaxNotice {
			t.Errorf("%d bytes", len(out))
		}
	})
}
