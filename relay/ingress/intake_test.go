package ingress

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

const complete = "Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nFrom: a@from.example\r\nMessage-ID: <1@x>\r\n"

func TestMissingFields(t *testing.T) {
	tests := []struct{ name, from, sent, want, repaired string }{
		{"none", "a@from.example", complete + "\r\nx\r\n", complete + "\r\nx\r\n", ""},
		{"all", "a@from.example", "Subject: s\r\n\r\nx\r\n",
			"Date: TODAY\r\nMessage-ID: <ID000000000000000000000001@relay.example>\r\nFrom: a@from.example\r\nSubject: s\r\n\r\nx\r\n",
			"Date added; Message-ID added; From added"},
		{"null sender", "", strings.Replace(complete, "From: a@from.example\r\n", "", 1) + "\r\nx\r\n",
			"From: MAILER-DAEMON@relay.example\r\n" + strings.Replace(complete, "From: a@from.example\r\n", "", 1) + "\r\nx\r\n", "From added"},
		{"empty", "a@from.example", strings.Replace(complete, "<1@x>", " \r\n\t", 1) + "\r\nx\r\n",
			"Message-ID: <ID000000000000000000000001@relay.example>\r\n" + strings.Replace(complete, "Message-ID: <1@x>\r\n", "", 1) + "\r\nx\r\n",
			"Message-ID added"},
		{"line ends too", "a@from.example", strings.ReplaceAll(complete, "\r\n", "\n") + "\nx\n.\n\r\n", complete + "\r\nx\r\n.\r\n\r\n", "6 line ends made CRLF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, nil)
			d := w.greeted()
			d.ask("MAIL FROM:<"+tt.from+">", "250 ")
			d.ask("RCPT TO:<b@to.example>", "250 ")
			d.ask("DATA", "354 ")
			d.say(tt.sent)
			d.ask(".", queuedPrefix)
			m := w.one()
			_, got, _ := strings.Cut(m.body, "for <b@to.example>;\r\n\t")
			_, got, _ = strings.Cut(got, "\r\n")
			if strings.Contains(tt.want, "TODAY") {
				today := regexp.MustCompile(`Date: (\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4})`).FindStringSubmatch(got)
				if today == nil {
					t.Fatalf("no date in %q", got)
				}
				got = strings.Replace(got, today[1], "TODAY", 1)
			}
			if got != tt.want || m.m.Repaired != tt.repaired {
				t.Errorf("got %q, %q\nwant %q, %q", got, m.m.Repaired, tt.want, tt.repaired)
			}
			if m.m.MessageID == "" {
				t.Error("the spool knows no Message-ID")
			}
			if told := w.sink.of(relay.EventRepaired); len(told) > 0 != (tt.repaired != "") || len(told) > 0 && told[0].Detail != tt.repaired {
				t.Errorf("told %+v", told)
			}
			if told := w.sink.of(relay.EventAccepted); told[0].Detail != tt.repaired {
				t.Errorf("told %+v", told)
			}
			if len(m.events) > 0 != (tt.repaired != "") || len(m.events) > 0 && m.events[0].Detail != tt.repaired {
				t.Errorf("stored %+v", m.events)
			}
		})
	}
}

func TestContent(t *testing.T) {
	long := strings.Repeat("word ", 300)
	tests := []struct {
		name, sent string
		want       relay.Content
		repaired   string
	}{
		{"clean", complete + "\r\nx\r\n", relay.ContentKnown, ""},
		{"8-bit", complete + "\r\nü\r\n", relay.ContentKnown | relay.ContentEightBit, ""},
		{"8-bit in the header", complete + "Subject: ü\r\n\r\nx\r\n", relay.ContentKnown | relay.ContentEightBit, ""},
		{"long", complete + "\r\n" + long + "\r\n", relay.ContentKnown | relay.ContentLongLines, "lines over 998 bytes, re-encoded on the way out"},
		{"long header", complete + "Subject: " + long + "\r\n\r\nx\r\n", relay.ContentKnown | relay.ContentLongLines, "lines over 998 bytes, re-encoded on the way out"},
	}
	for _, tt := range tests {
		w := start(t, nil)
		d := w.greeted()
		d.send(tt.sent, queuedPrefix)
		m := w.one()
		if m.m.Content != tt.want || m.m.Repaired != tt.repaired || m.m.EightBit != m.m.Content.Has(relay.ContentEightBit) {
			t.Errorf("%s: %b, %q", tt.name, m.m.Content, m.m.Repaired)
		}
		if got := content(t, m); got != tt.sent {
			t.Errorf("%s: stored %q", tt.name, got)
		}
	}
}

// What cannot be mended is refused, by DATA and by BDAT, and the session goes
// on.
func TestUnmendable(t *testing.T) {
	long := strings.Repeat("x", 1200)
	for text, want := range map[string]string{
		complete + "X-A: " + long + "\r\n\r\nx\r\n":                                                                           "554 5.6.0 A header line over 998 bytes that cannot be folded",
		complete + "Content-Type: application/pkcs7-mime\r\n\r\n" + long + "\r\n":                                             "554 5.6.0 A line over 998 bytes in a part that may not be changed",
		complete + "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n" + long + "\r\n--b\r\n\r\nsig\r\n--b--\r\n": "554 5.6.0 A line over 998 bytes in a part that may not be changed",
	} {
		w := start(t, nil)
		d := w.greeted()
		d.send(text, want)
		d.envelope()
		d.chunk(text, " LAST", want)
		w.none()
		d.send(complete+"\r\nfine\r\n", queuedPrefix)
	}
}

// A header of a megabyte is refused with what fits the limit in memory.
func TestHugeHeader(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	field := "X-A: " + strings.Repeat("x", 70) + "\r\n"
	huge := strings.Repeat(field, 1<<20/len(field)) + "\r\nx\r\n"
	before := heap()
	d.send(huge, "554 5.6.0 Header section too large")
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes are held after it", grown)
	}
	d.envelope()
	d.chunk(huge, " LAST", "554 5.6.0 Header section too large")
	w.none()
	d.send(complete+"\r\nfine\r\n", queuedPrefix)
}

func TestControlFields(t *testing.T) {
	tests := []struct {
		name, fields string
		common       bool
		priority     relay.Priority
		expire       time.Duration
		repaired     string
	}{
		{"nothing", "", false, relay.Normal, time.Hour, ""},
		{"sooner", "X-Relaykeep-Expire: 10m\r\n", false, relay.Normal, 10 * time.Minute, ""},
		{"never later", "X-Relaykeep-Expire: 5d\r\n", false, relay.Normal, time.Hour, ""},
		{"less urgent", "x-relaykeep-priority: LOW\r\n", false, relay.Low, time.Hour, ""},
		{"never more urgent", "X-Relaykeep-Priority: high\r\n", false, relay.Normal, time.Hour, ""},
		{"not understood", "X-Relaykeep-Priority: urgent\r\nX-Relaykeep-Expire: soon\r\nX-Relaykeep-Colour: red\r\nX-Relaykeep-Size: 1\r\n", false, relay.Normal, time.Hour,
			"a field X-Relaykeep-… not understood, ignored; X-Relaykeep-Expire not understood, ignored; X-Relaykeep-Priority not understood, ignored"},
		{"not for us", "X-Priority: 5\r\nImportance: low\r\n", false, relay.Normal, time.Hour, ""},
		{"X-Priority", "X-Priority: 5 (Lowest)\r\n", true, relay.Low, time.Hour, ""},
		{"Importance first", "X-Priority: 1\r\nImportance: Low\r\n", true, relay.Low, time.Hour, ""},
		{"control before all", "X-Relaykeep-Priority: normal\r\nImportance: low\r\n", true, relay.Normal, time.Hour, ""},
		{"no such importance", "Importance: great\r\nX-Priority: 4\r\n", true, relay.Low, time.Hour, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, func(o *Options, _ *Deps, _ *recorder) { o.HeaderPriority = tt.common })
			w.greeted().send(complete+tt.fields+"\r\nx\r\n", queuedPrefix)
			m := w.one()
			r := m.to[0]
			if r.Priority != tt.priority || !r.ExpiresAt.Equal(m.m.ReceivedAt.Add(tt.expire)) || m.m.Repaired != tt.repaired {
				t.Errorf("got %v, %v, %q", r.Priority, r.ExpiresAt.Sub(m.m.ReceivedAt), m.m.Repaired)
			}
			if strings.Contains(strings.ToLower(m.body), "x-relaykeep") {
				t.Errorf("a control field went on: %q", m.body)
			}
			if kept := strings.Count(tt.fields, "X-Priority: ") + strings.Count(tt.fields, "Importance: "); strings.Count(m.body, "X-Priority: ")+strings.Count(m.body, "Importance: ") != kept {
				t.Errorf("fields of others are gone: %q", m.body)
			}
		})
	}
}

func TestExpireAtATime(t *testing.T) {
	w := start(t, nil)
	at := time.Now().Add(5 * time.Minute).Truncate(time.Second)
	w.greeted().send(complete+"X-Relaykeep-Expire: "+at.Format(time.RFC3339)+"\r\nX-Relaykeep-Expire: 20m\r\n\r\nx\r\n", queuedPrefix)
	if r := w.one().to[0]; !r.ExpiresAt.Equal(at) {
		t.Errorf("got %v, want %v", r.ExpiresAt, at)
	}
}

func TestRepairsAreCounted(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	d.send("Subject: a\n\nx\n\r\n", queuedPrefix)
	d.send("Subject: b\r\n\r\nx\r\n", queuedPrefix)
	d.send(complete+"\r\nx\r\n", queuedPrefix)
	got := map[string]string{}
	for _, c := range w.srv.Repairs() {
		got[c.What] = fmt.Sprintf("%s %s %d %s", c.Client, c.User, c.Messages, strings.TrimLeft(string(c.Last), "ID0"))
	}
	want := map[string]string{
		"line ends made CRLF": "127.0.0.1  1 1", "Date added": "127.0.0.1  2 2", "Message-ID added": "127.0.0.1  2 2", "From added": "127.0.0.1  2 2",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The table of clients is bounded; who has sent of late stays.
func TestTallyIsBounded(t *testing.T) {
	var srv Server
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for i := range maxTallied + 10 {
		m := relay.Message{Client: fmt.Sprint(i), ReceivedAt: at.Add(time.Duration(i) * time.Second)}
		srv.repairs.count(&m, []repair{{what: "x"}})
		m.Client, m.ReceivedAt = "busy", m.ReceivedAt.Add(time.Millisecond)
		srv.repairs.count(&m, []repair{{what: "x"}})
	}
	all := srv.Repairs()
	if len(all) != maxTallied || all[0].Client != "busy" || all[0].Messages != maxTallied+10 || all[len(all)-1].Client != "11" {
		t.Errorf("%d, first %+v, last %+v", len(all), all[0], all[len(all)-1])
	}
}
