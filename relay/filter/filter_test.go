package filter

import (
	"context"
	"slices"
	"strings"
	"testing"

	milter "github.com/d--j/go-milter"
)

func TestShown(t *testing.T) {
	s := &script{}
	m := newMail(t, sample)
	o, err := Chain{New(serve(t, s), nil)}.Run(context.Background(), m)
	if err != nil || o.Action != Pass || o.Hold != nil || len(o.Notes) != 0 {
		t.Fatalf("outcome %+v, %v", o, err)
	}
	want := []string{
		"connect unknown tcp4 192.0.2.7", "helo client.example", "mail a@from.example", "rcpt b@to.example", "rcpt c@to.example",
		"data", "field Subject: hello", "field To: <b@to.example>,\n\t<c@to.example>", "field X-A: 1", "field x-a: 2", "field X-A: 3",
		"header", "body", "end",
	}
	if !slices.Equal(s.shown, want) {
		t.Errorf("shown\n%q, want\n%q", s.shown, want)
	}
	if got := s.text.String(); got != "the text\r\n.dot\r\n" {
		t.Errorf("text %q", got)
	}
	if got := content(t, m); got != sample {
		t.Errorf("the message became %q", got)
	}
	for name, want := range map[string]string{
		"connect j": "relay.example", "connect v": "relaykeep", "connect {daemon_name}": "local", "connect {client_addr}": "192.0.2.7",
		"connect {client_name}": "unknown", "helo {tls_version}": "TLSv1.3", "helo {cipher}": "TLS_AES_128_GCM_SHA256",
		"helo {cipher_bits}": "128", "mail {auth_authen}": "joe", "mail {auth_type}": "PLAIN", "mail {mail_addr}": "a@from.example",
		"mail {mail_host}": "from.example", "mail i": "01K0000000000000000000000A", "rcpt {rcpt_addr}": "c@to.example",
		"rcpt {rcpt_host}": "to.example", "end i": "01K0000000000000000000000A",
	} {
		if got := s.macros[name]; got != want {
			t.Errorf("macro %s is %q, want %q", name, got, want)
		}
	}
}

// TestChanges: what a filter may ask for, and what comes of it.
func TestChanges(t *testing.T) {
	body := "\r\nthe text\r\n.dot\r\n"
	head := "Subject: hello\r\nTo: <b@to.example>,\r\n\t<c@to.example>\r\n"
	const as = "X-A: 1\r\nx-a: 2\r\nX-A:3\r\n"
	tests := []struct {
		name   string
		change func(m milter.Modifier) error
		want   string // the message
		note   string
	}{
		{"add", func(m milter.Modifier) error { return m.AddHeader("X-Spam-Flag", "YES") },
			head + as + "X-Spam-Flag: YES\r\n" + body, "added X-Spam-Flag"},
		{"add, folded and hostile", func(m milter.Modifier) error { return m.AddHeader("X-S", "a\nBcc: evil@x.example\n\n\n b\n") },
			head + as + "X-S: a\r\n\tBcc: evil@x.example\r\n b\r\n" + body, "added X-S"},
		{"insert on top", func(m milter.Modifier) error { return m.InsertHeader(0, "X-Top", "1") },
			"X-Top: 1\r\n" + head + as + body, "added X-Top"},
		{"insert after the first", func(m milter.Modifier) error { return m.InsertHeader(1, "X-Top", "1") },
			"Subject: hello\r\nX-Top: 1\r\n" + head[16:] + as + body, "added X-Top"},
		{"insert far away", func(m milter.Modifier) error { return m.InsertHeader(4_000_000, "X-Top", "1") },
			head + as + "X-Top: 1\r\n" + body, "added X-Top"},
		{"change", func(m milter.Modifier) error { return m.ChangeHeader(1, "subject", "[spam] hello") },
			"Subject: [spam] hello\r\n" + head[16:] + as + body, "changed subject"},
		{"change the second", func(m milter.Modifier) error { return m.ChangeHeader(2, "X-A", "two") },
			head + "X-A: 1\r\nx-a: two\r\nX-A:3\r\n" + body, "changed X-A"},
		{"change none", func(m milter.Modifier) error { return m.ChangeHeader(1, "X-New", "1") },
			head + as + "X-New: 1\r\n" + body, "added X-New"},
		{"remove all, from the first on", func(m milter.Modifier) error {
			for i := range 3 {
				if err := m.ChangeHeader(i+1, "X-A", ""); err != nil {
					return err
				}
			}
			return nil
		}, head + body, "removed X-A"},
		{"remove all, from the last on", func(m milter.Modifier) error {
			for i := range 3 {
				if err := m.ChangeHeader(3-i, "X-A", ""); err != nil {
					return err
				}
			}
			return nil
		}, head + body, "removed X-A"},
		{"remove none", func(m milter.Modifier) error { return m.ChangeHeader(1, "X-New", "") }, sample, ""},
		{"replace the text", func(m milter.Modifier) error { return m.ReplaceBody(strings.NewReader("new\ntext")) },
			head + as + "\r\nnew\r\ntext\r\n", "replaced the text"},
		{"several", func(m milter.Modifier) error {
			m.AddHeader("X-B", "1")
			m.AddHeader("X-B", "2")
			return m.ChangeHeader(1, "X-A", "")
		}, head + as[8:] + "X-B: 1\r\nX-B: 2\r\n" + body, "added X-B, removed X-A"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMail(t, sample)
			o, err := Chain{New(serve(t, &script{at: asking(tt.change)}), nil)}.Run(context.Background(), m)
			if err != nil || o.Action != Pass {
				t.Fatalf("outcome %+v, %v", o, err)
			}
			if got := content(t, m); got != tt.want {
				t.Errorf("the message became\n%q, want\n%q", got, tt.want)
			}
			note := ""
			for _, n := range o.Notes {
				note += n.Text
			}
			if note != tt.note {
				t.Errorf("told %q, want %q", note, tt.note)
			}
		})
	}
}

// TestEnvelope: senders and recipients that a filter changes.
func TestEnvelope(t *testing.T) {
	tests := []struct {
		name   string
		change func(m milter.Modifier) error
		from   string
		to     string
		action Action
	}{
		{"sender", func(m milter.Modifier) error { return m.ChangeFrom("x@y.example", "") }, "x@y.example", "b@to.example c@to.example", Pass},
		{"null sender", func(m milter.Modifier) error { return m.ChangeFrom("<>", "") }, "", "b@to.example c@to.example", Pass},
		{"no address", func(m milter.Modifier) error { return m.ChangeFrom("nonsense", "") }, "a@from.example", "b@to.example c@to.example", Refuse},
		{"recipient", func(m milter.Modifier) error { return m.AddRecipient("d@to.example", "") }, "a@from.example", "b@to.example c@to.example d@to.example", Pass},
		{"known recipient", func(m milter.Modifier) error { return m.AddRecipient("b@TO.example", "") }, "a@from.example", "b@to.example c@to.example", Pass},
		{"bad recipient", func(m milter.Modifier) error { return m.AddRecipient("d", "") }, "a@from.example", "b@to.example c@to.example", Refuse},
		{"less", func(m milter.Modifier) error { return m.DeleteRecipient("b@To.Example") }, "a@from.example", "c@to.example", Pass},
		{"less a stranger", func(m milter.Modifier) error { return m.DeleteRecipient("x@to.example") }, "a@from.example", "b@to.example c@to.example", Pass},
		{"nobody", func(m milter.Modifier) error {
			m.DeleteRecipient("b@to.example")
			return m.DeleteRecipient("c@to.example")
		}, "a@from.example", "b@to.example c@to.example", Discard},
		{"some change with a bad one", func(m milter.Modifier) error {
			m.AddHeader("X-Good", "1")
			return m.AddRecipient("d", "")
		}, "a@from.example", "b@to.example c@to.example", Refuse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMail(t, sample)
			o, err := Chain{New(serve(t, &script{at: asking(tt.change)}), nil)}.Run(context.Background(), m)
			if err != nil || o.Action != tt.action {
				t.Fatalf("outcome %+v, %v", o, err)
			}
			if m.From != tt.from || strings.Join(m.To, " ") != tt.to {
				t.Errorf("from %q to %q", m.From, m.To)
			}
			if got := content(t, m); got != sample {
				t.Errorf("the message became %q", got)
			}
		})
	}
}

// TestRefusals: at every stage, by every answer.
func TestRefusals(t *testing.T) {
	own := func(code uint16, text string) *milter.Response {
		r, err := milter.RejectWithCodeAndReason(code, text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	answers := []struct {
		name   string
		answer *milter.Response
		action Action
		reply  string
	}{
		{"reject", milter.RespReject, Refuse, "550 5.7.1 " + textRefused},
		{"tempfail", milter.RespTempFail, Refuse, "451 4.7.1 " + textLater},
		{"own words", own(554, "5.7.0 Gtube\npattern 100%"), Refuse, "554 5.7.0 Gtube pattern 100%"},
		{"accept", milter.RespAccept, Pass, ""},
	}
	for _, stage := range []string{"connect", "helo", "mail", "rcpt", "data", "field", "header", "body", "end"} {
		for _, tt := range answers {
			t.Run(stage+" "+tt.name, func(t *testing.T) {
				s := &script{at: map[string]func(milter.Modifier) (*milter.Response, error){stage: answering(tt.answer)}}
				o, err := Chain{New(serve(t, s), nil)}.Run(context.Background(), newMail(t, sample))
				if err != nil || o.Action != tt.action {
					t.Fatalf("outcome %+v, %v", o, err)
				}
				if tt.action == Refuse && (o.Reply.String() != tt.reply || o.Filter != "test") {
					t.Errorf("reply %q of %s, want %q", o.Reply, o.Filter, tt.reply)
				}
				if last := s.shown[len(s.shown)-1]; !strings.HasPrefix(last, stage) {
					t.Errorf("after its answer it was shown %q", last)
				}
			})
		}
	}
}

func TestDiscardAndHold(t *testing.T) {
	s := &script{at: map[string]func(milter.Modifier) (*milter.Response, error){"end": answering(milter.RespDiscard)}}
	o, err := Chain{New(serve(t, s), nil)}.Run(context.Background(), newMail(t, sample))
	if err != nil || o.Action != Discard || o.Filter != "test" {
		t.Errorf("outcome %+v, %v", o, err)
	}
	s = &script{at: asking(func(m milter.Modifier) error { return m.Quarantine("looks\nlike \x1b[1m spam") })}
	o, err = Chain{New(serve(t, s), nil)}.Run(context.Background(), newMail(t, sample))
	if err != nil || o.Action != Pass || o.Hold == nil || *o.Hold != (Hold{"test", "looks like ?[1m spam"}) {
		t.Errorf("outcome %+v, %v", o, err)
	}
}

// TestSkip: a filter that has seen enough of something gets no more of it.
func TestSkip(t *testing.T) {
	s := &script{at: map[string]func(milter.Modifier) (*milter.Response, error){
		"rcpt": answering(milter.RespSkip), "field": answering(milter.RespSkip), "body": answering(milter.RespSkip),
	}}
	m := newMail(t, sample+strings.Repeat(strings.Repeat("x", 76)+"\r\n", 5000))
	o, err := Chain{New(serve(t, s), nil)}.Run(context.Background(), m)
	if err != nil || o.Action != Pass {
		t.Fatalf("outcome %+v, %v", o, err)
	}
	want := []string{
		"connect unknown tcp4 192.0.2.7", "helo client.example", "mail a@from.example", "rcpt b@to.example",
		"data", "field Subject: hello", "header", "body", "end",
	}
	if !slices.Equal(s.shown, want) {
		t.Errorf("shown\n%q, want\n%q", s.shown, want)
	}
}

// TestChain: the second filter sees what the first made of the message, and
// not at all what the first refused.
func TestChain(t *testing.T) {
	first := &script{at: asking(func(m milter.Modifier) error {
		m.AddHeader("X-First", "1")
		m.DeleteRecipient("b@to.example")
		m.Quarantine("first")
		return m.ReplaceBody(strings.NewReader("new text\n"))
	})}
	second := &script{at: asking(func(m milter.Modifier) error {
		m.Quarantine("second")
		return m.ChangeHeader(1, "X-First", "2")
	})}
	one, two := serve(t, first), serve(t, second)
	one.Name, two.Name = "one", "two"
	m := newMail(t, sample)
	o, err := Chain{New(one, nil), New(two, nil)}.Run(context.Background(), m)
	if err != nil || o.Action != Pass || o.Hold == nil || *o.Hold != (Hold{"one", "first"}) {
		t.Fatalf("outcome %+v, %v", o, err)
	}
	notes := []Note{{"one", "added X-First, removed recipients, replaced the text"}, {"two", "changed X-First"}}
	if !slices.Equal(o.Notes, notes) {
		t.Errorf("told %q", o.Notes)
	}
	if !slices.Contains(second.shown, "field X-First: 1") || slices.Contains(second.shown, "rcpt b@to.example") || second.text.String() != "new text\r\n" {
		t.Errorf("the second was shown %q and %q", second.shown, second.text.String())
	}
	if got := content(t, m); !strings.HasSuffix(got, "X-First: 2\r\n\r\nnew text\r\n") {
		t.Errorf("the message became %q", got)
	}

	first.at["end"] = answering(milter.RespReject)
	second.shown = nil
	if o, err = (Chain{New(one, nil), New(two, nil)}).Run(context.Background(), newMail(t, sample)); err != nil || o.Action != Refuse || o.Filter != "one" {
		t.Errorf("outcome %+v, %v", o, err)
	}
	if len(second.shown) > 0 {
		t.Errorf("the second was shown %q", second.shown)
	}
}
