package smtp

import (
	"fmt"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

func TestOnWire(t *testing.T) {
	for address, want := range map[string]bool{
		"":                             true, // the null sender
		"a@x.test":                     true,
		"用户@例子.test":                   true,
		`"a b"@x.test`:                 true,
		`"a>b<c"@x.test`:               true,
		`"a\"b"@x.test`:                true,
		`"a\" b"@x.test`:               true,
		"a b@x.test":                   false,
		"a@x.test> NOTIFY=NEVER":       false,
		"a>@x.test":                    false,
		"a\r\nDATA@x.test":             false,
		"\"a\r\nb\"@x.test":            false,
		"a\x00@x.test":                 false,
		"a\t@x.test":                   false,
		`"a@x.test`:                    false,
		`"a\`:                          false,
		"\"a\\\n\"@x.test":             false,
		`"v@evil.test> X"y z"@ok.test`: false,
	} {
		if got := onWire(address); got != want {
			t.Errorf("onWire(%q) is %v", address, got)
		}
	}
}

func TestMailCommand(t *testing.T) {
	all := extensions{hasSize: true, size: 100, eightBit: true, utf8: true, dsn: true}
	full := relay.Message{From: "a@x.test", EightBit: true, UTF8: true, Return: "HDRS", EnvelopeID: "id+1=2 é"}
	for name, c := range map[string]struct {
		m    relay.Message
		ext  extensions
		want string
	}{
		"plain":           {relay.Message{From: "a@x.test"}, all, "MAIL FROM:<a@x.test> SIZE=7"},
		"null sender":     {relay.Message{}, extensions{}, "MAIL FROM:<>"},
		"all":             {full, all, "MAIL FROM:<a@x.test> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+2B1+3D2+20+C3+A9"},
		"nothing offered": {full, extensions{}, "MAIL FROM:<a@x.test>"},
		"odd RET":         {relay.Message{Return: "ALL\r\n"}, all, "MAIL FROM:<> SIZE=7"},
	} {
		if got := string(appendMail(nil, &c.m, 7, &c.ext)); got != c.want+"\r\n" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRcptCommand(t *testing.T) {
	for _, c := range []struct {
		notify, original string
		utf8, dsn        bool
		want             string
	}{
		{"", "", false, true, ""},
		{"SUCCESS,FAILURE", "rfc822;a+b@x.test", false, true, " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@x.test"},
		{"NEVER", "rfc822;a@x.test", false, false, ""},
		{"NEVER> X", "", false, true, ""},
		{"", "a@x.test", false, true, ""},
		{"", ";a@x.test", false, true, ""},
		{"", "a b;c", false, true, ""},
		{"", "UTF-8;é+@x.test", true, true, ` ORCPT=UTF-8;é\x{2B}@x.test`},
		{"", "utf-8;é\\@x.test", false, true, ` ORCPT=utf-8;\x{E9}\x{5C}@x.test`},
		{"", "rfc822;a\r\nb", false, true, " ORCPT=rfc822;a+0D+0Ab"},
	} {
		r := relay.Recipient{Address: "b@y.test", Notify: c.notify, OriginalRecipient: c.original}
		got := string(appendRcpt(nil, &r, c.utf8, &extensions{dsn: c.dsn}))
		if want := "RCPT TO:<b@y.test>" + c.want + "\r\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestParametersArrive(t *testing.T) {
	s := provider(t, upstreamtest.Options{MaxSize: 1000})
	tr := transport(t, s, nil)
	m := relay.Message{From: "é@x.test", EightBit: true, UTF8: true, Return: "FULL", EnvelopeID: "e1"}
	to := []relay.Recipient{{Address: "b@y.test", Notify: "NEVER"}}
	v := handOver(t.Context(), tr, m, hello, to, new(marks).mark)[0]
	wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
	if !v.Notifies {
		t.Error("it has DSN, and is not said to have taken over NOTIFY")
	}
	got := s.Messages()[0]
	want := fmt.Sprintf("SIZE=%d BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=e1", len(hello))
	if strings.Join(got.Params, " ") != want || strings.Join(got.To[0].Params, " ") != "NOTIFY=NEVER" {
		t.Errorf("arrived %q, %q", got.Params, got.To[0].Params)
	}
}

// NOTIFY is handed over only where there is DSN, and only of what is delivered.
func TestWhoTakesOverNotify(t *testing.T) {
	for _, extensions := range [][]string{{"PIPELINING", "DSN"}, {"PIPELINING"}} {
		s := provider(t, upstreamtest.Options{Extensions: extensions})
		s.On(upstreamtest.Rcpt, upstreamtest.ByAddress(map[string]upstreamtest.Act{"no@y.test": upstreamtest.Reply("550 5.1.1 no")}))
		v := deliver(t, transport(t, s, nil), hello, "yes@y.test", "no@y.test")
		if want := len(extensions) == 2; v[0].Notifies != want || v[1].Notifies {
			t.Errorf("with %v: %v and %v", extensions, v[0].Notifies, v[1].Notifies)
		}
	}
}

func TestMalformedAddressesAreNotSent(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	v := deliver(t, tr, hello, "b@y.test>\r\nRSET", "c@y.test", "")
	for _, i := range []int{0, 2} {
		if v[i].Class != relay.ClassRejected || v[i].Rule != "malformed-address" || v[i].Action != relay.ActionBounce || v[i].Scope != relay.ScopeRecipient {
			t.Errorf("verdict is %+v", v[i])
		}
	}
	wantClass(t, v[1], relay.ClassDelivered, relay.StageBody, 250)

	v = handOver(t.Context(), tr, from("a@x.test> SIZE=0"), hello, rcpts("c@y.test"), new(marks).mark)
	if v[0].Rule != "malformed-address" || v[0].Scope != relay.ScopeMessage || v[0].Stage != relay.StageMail {
		t.Errorf("verdict is %+v", v[0])
	}
	if n := s.Reached(upstreamtest.Mail); n != 1 {
		t.Errorf("%d MAIL", n)
	}
}

func TestAddressesThatNeedSMTPUTF8(t *testing.T) {
	for name, c := range map[string]struct {
		offered  []string
		utf8     bool
		from     string
		rejected []bool
	}{
		"offered":               {nil, true, "é@x.test", []bool{false, false}},
		"not offered":           {[]string{"PIPELINING"}, true, "é@x.test", []bool{true, true}},
		"one recipient only":    {[]string{"PIPELINING"}, true, "a@x.test", []bool{true, false}},
		"not declared":          {nil, false, "a@x.test", []bool{true, false}},
		"declared, not offered": {[]string{}, true, "a@x.test", []bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, upstreamtest.Options{Extensions: c.offered})
			tr := transport(t, s, nil)
			m := relay.Message{From: c.from, UTF8: c.utf8}
			for i, v := range handOver(t.Context(), tr, m, hello, rcpts("é@y.test", "b@y.test"), new(marks).mark) {
				if !c.rejected[i] {
					wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
				} else if v.Class != relay.ClassRejected || v.Rule != "no-smtputf8" || v.Stage != relay.StageMail ||
					v.Action != relay.ActionFailover || v.Then != relay.ActionBounce || v.Scope != relay.ScopeMessage {
					t.Errorf("verdict is %+v", v)
				}
			}
		})
	}
}

// A domain is written with A-labels where the server, or the message, has no
// SMTPUTF8; the caller's recipients stay what they are.
func TestALabels(t *testing.T) {
	for name, c := range map[string]struct {
		offered  []string
		from, to string
	}{
		"offered":     {nil, "a@bücher.test", "b@例え.test"},
		"not offered": {[]string{}, "a@xn--bcher-kva.test", "b@xn--r8jz45g.test"},
	} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, upstreamtest.Options{Extensions: c.offered})
			tr := transport(t, s, nil)
			m := relay.Message{From: "a@bücher.test", UTF8: true}
			to := rcpts("b@例え.test", "c@y.test")
			for _, v := range handOver(t.Context(), tr, m, hello, to, new(marks).mark) {
				wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
			}
			got := s.Messages()[0]
			if got.From != c.from || got.To[0].Address != c.to || to[0].Address != "b@例え.test" {
				t.Errorf("from %q to %+v, and the caller has %q", got.From, got.To, to[0].Address)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	for name, c := range map[string]struct{ server, own int64 }{"by EHLO": {10, 0}, "by configuration": {0, 10}} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, upstreamtest.Options{MaxSize: c.server})
			tr := transport(t, s, func(o *Options) { o.MaxMessageSize = c.own })
			v := deliver(t, tr, hello, "b@y.test")[0]
			wantClass(t, v, relay.ClassRejected, relay.StageMail, 552)
			if v.Rule != "too-large" || v.Enhanced != "5.3.4" || v.Action != relay.ActionFailover || v.Then != relay.ActionBounce || v.Scope != relay.ScopeMessage || !v.Local {
				t.Errorf("verdict is %+v", v)
			}
			if n := s.Reached(upstreamtest.Mail); n != 0 {
				t.Error("MAIL was sent")
			}
			wantClass(t, deliver(t, tr, content("x\r\n"), "b@y.test")[0], relay.ClassDelivered, relay.StageBody, 250)
		})
	}
}

func TestExtensions(t *testing.T) {
	e := parseExtensions([]byte("mx.test hi\nPIPELINING\nsize 1000\nAUTH LOGIN PLAIN\nAUTH=CRAM-MD5\n8bitmime\nSIZE x\n\nDSN now"))
	if !e.pipelining || !e.eightBit || !e.dsn || e.utf8 || e.starttls || e.size != 1000 {
		t.Errorf("%+v", e)
	}
	if fmt.Sprint(e.auth) != "[LOGIN PLAIN CRAM-MD5]" {
		t.Errorf("%q", e.auth)
	}
	e = parseExtensions([]byte("hi" + strings.Repeat("\nX", 1000)))
	if len(e.lines) != maxExtensions {
		t.Errorf("%d lines are kept", len(e.lines))
	}
}

// TestHELO: a server that knows no EHLO gets HELO, unless that would lose TLS.
func TestHELO(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	s.On(upstreamtest.Hello, func(st upstreamtest.Step) upstreamtest.Act {
		if strings.HasPrefix(st.Line, "EHLO") {
			return upstreamtest.Reply("502 5.5.1 what?")
		}
		return upstreamtest.Act{}
	})
	wantDelivered(t, transport(t, s, nil))
	tr := transport(t, s, func(o *Options) { o.TLS = STARTTLS })
	wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassRejected, relay.StageHello, 502)
}
