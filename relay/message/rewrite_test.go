package message

import (
	"strings"
	"testing"
)

// section reads a header section and gives its fields.
func section(t testing.TB, text string) []Field {
	t.Helper()
	h, _, err := ReadHeader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return h.Fields()
}

func joined(fields []Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.Write(f.Raw())
	}
	return b.String()
}

func TestRewrite(t *testing.T) {
	widest := strings.Repeat("x", 998-len("From:  <a@b.test>"))
	long := strings.Repeat("Very Long Name ", 5)
	tests := []struct{ name, in, want string }{
		{"bare", "From: app@old.test\r\n", "From: relay@new.test\r\nReply-To: app@old.test\r\n"},
		{"named", "From: App One <app@old.test>\r\n", "From: App One <relay@new.test>\r\nReply-To: App One <app@old.test>\r\n"},
		{"quoted", "From: \"One, App\" <app@old.test>\r\n", "From: \"One, App\" <relay@new.test>\r\nReply-To: \"One, App\" <app@old.test>\r\n"},
		{"encoded", "From: =?GBK?B?w/s=?= <app@old.test>\r\n", "From: =?GBK?B?w/s=?= <relay@new.test>\r\nReply-To: =?GBK?B?w/s=?= <app@old.test>\r\n"},
		{"raw 8 bit", "From: M\xfcller <app@old.test>\r\n", "From: M\xfcller <relay@new.test>\r\nReply-To: M\xfcller <app@old.test>\r\n"},
		{"comment", "From: app@old.test (The App)\r\n", "From: relay@new.test (The App)\r\nReply-To: app@old.test (The App)\r\n"},
		{"old form", "From: app @ old.test\r\n", "From: relay@new.test\r\nReply-To: app @ old.test\r\n"},
		{"case and blank of the name", "FROM : app@old.test\r\n", "FROM: relay@new.test\r\nReply-To: app@old.test\r\n"},
		{"folded", "From: App\r\n One\r\n <app@old.test>\r\n", "From: App\r\n One <relay@new.test>\r\nReply-To: App\r\n One\r\n <app@old.test>\r\n"},
		{"long", "From: " + long + "<app@old.test>\r\n", "From: " + strings.TrimSpace(long) + "\r\n <relay@new.test>\r\nReply-To: " + long + "<app@old.test>\r\n"},
		{"as long as may be", "From: " + widest + " <a@b.test>\r\n", "From: " + widest + "\r\n <relay@new.test>\r\nReply-To:\r\n " + widest + " <a@b.test>\r\n"},
		{"several", "From: A <a@old.test>, B <b@old.test>\r\nSender: a@old.test\r\n", "From: A <relay@new.test>\r\nReply-To: A <a@old.test>, B <b@old.test>\r\n"},
		{"group", "From: Us: A <a@old.test>, b@old.test;\r\n", "From: A <relay@new.test>\r\nReply-To: Us: A <a@old.test>, b@old.test;\r\n"},
		{"empty group", "From: nobody:;\r\n", "From: relay@new.test\r\n"},
		{"no address", "From: root\r\n", "From: relay@new.test\r\n"},
		{"empty", "From:\r\n", "From: relay@new.test\r\n"},
		{"null", "From: App <>\r\n", "From: App <relay@new.test>\r\n"},
		{"unclosed", "From: \"App <app@old.test>\r\n", "From: relay@new.test\r\n"},
		{"missing", "Subject: a\r\n", "Subject: a\r\nFrom: relay@new.test\r\n"},
		{"twice", "From: a@old.test\r\nX: y\r\nFrom: b@old.test\r\n", "From: relay@new.test\r\nReply-To: a@old.test\r\nX: y\r\n"},
		{"its own", "From: The Relay <relay@NEW.test>\r\nDKIM-Signature: v=1\r\nSender: x@old.test\r\n", "From: The Relay <relay@NEW.test>\r\nDKIM-Signature: v=1\r\n"},
		{"its own behind a blank", "From\t: relay@new.test\r\n", "From: relay@new.test\r\n"},
		{"its own and another", "From: relay@new.test, b@old.test\r\n", "From: relay@new.test\r\nReply-To: relay@new.test, b@old.test\r\n"},
		{"Reply-To stays", "From: a@old.test\r\nreply-to: x@y.test\r\n", "From: relay@new.test\r\nreply-to: x@y.test\r\n"},
		{"empty Reply-To", "Reply-To: \r\nFrom: a@old.test\r\n", "From: relay@new.test\r\nReply-To: a@old.test\r\n"},
		{
			"neighbours",
			"DKIM-Signature: v=1;\r\n\tb=x\r\nReceived: x\r\nFrom: a@old.test\r\nSender: b@old.test\r\nReturn-Path: <c@old.test>\r\nResent-From: d@old.test\r\nResent-Sender: e@old.test\r\nX-Odd :  kept \r\n  so\r\n",
			"Received: x\r\nFrom: relay@new.test\r\nReply-To: a@old.test\r\nResent-From: d@old.test\r\nResent-Sender: e@old.test\r\nX-Odd :  kept \r\n  so\r\n",
		},
	}
	for _, tt := range tests {
		r := Rewrite{From: "relay@new.test", ReplyToOriginal: true}
		if got := joined(r.Apply(section(t, tt.in+"\r\n"))); got != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
		r.ReplyToOriginal = false
		got := r.Apply(section(t, tt.in+"\r\n"))
		for _, f := range got {
			if f.Is("Reply-To") && !strings.Contains(strings.ToLower(tt.in), "reply-to") {
				t.Errorf("%s: Reply-To was added", tt.name)
			}
		}
	}
}

// What was rewritten once is not rewritten again, and stays a header section
// of the same shape: whatever stood in From, one From is left, with our
// address.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{
		"From: A <a@b.test>\r\n", "From: a@b.test (c\r\n d)\r\nReply-To:\r\n", "From: \"a\\\r\n", "From: x:<@y:a@b>;,c\r\n", "From\t:<\"a>b\"@c>\r\n", "X: y\r\n",
		"From: (\\\r\n", "from: a@@b <c>\r\nfrom: d\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		h, _, err := ReadHeader(strings.NewReader("X-First: a\r\n" + in + "\r\n\r\ntext"))
		if err != nil {
			return
		}
		r := Rewrite{From: "relay@new.test", ReplyToOriginal: true}
		once := r.Apply(h.Fields())
		text := joined(once)
		again, _, err := ReadHeader(strings.NewReader(text + "\r\n"))
		if err != nil {
			return // past the bounds now
		}
		if again.Count("From") != 1 || len(again.Fields()) != len(once) {
			t.Fatalf("%q became %q", in, text)
		}
		if v := again.Values("From")[0]; !strings.Contains(v, "relay@new.test") && !strings.Contains(strings.ToLower(v), "@new.test") {
			t.Fatalf("%q has From %q", in, v)
		}
		if twice := joined(r.Apply(again.Fields())); twice != text {
			t.Fatalf("%q became %q, then %q", in, text, twice)
		}
	})
}
