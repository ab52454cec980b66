package bounce

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// ways is a Router: by the local part of who is told.
type ways struct{ asked []string }

func (w *ways) Way(q relay.RouteQuery, to relay.Recipient, failed string, now time.Time) (relay.Recipient, relay.EventKind, string, bool) {
	w.asked = append(w.asked, strings.Join(q.Header("auto-submitted"), ",")+" after "+failed)
	to.Route, to.NextAttempt, to.ExpiresAt = "default", now, now.Add(time.Hour)
	switch name, _, _ := strings.Cut(q.Recipient, "@"); name {
	case "nowhere":
		return to, "", "", false
	case "drop":
		to.State = relay.Deleted
		return to, relay.EventDeleted, "route default discards it", true
	case "hold":
		to.State = relay.Held
		return to, relay.EventHeld, "route default holds it", true
	}
	return to, "", "", true
}

// reporter makes one whose ids are known.
func reporter(s Settings, l Limit) (*Reporter, *ways) {
	w := &ways{}
	return New(Options{
		Hostname: "relay.example.com", Default: s, Limit: l, Router: w,
		NewID: func() relay.ID { return noticeID }, RemoteHost: remoteHost, Meaning: meaning,
	}), w
}

func TestReport(t *testing.T) {
	r, w := reporter(Settings{To: Sender, Copy: "hold@example.com", Full: true}, Limit{})
	bob := refused("bob@example.net", 550, "5.1.1", "No such user here", "unknown-mailbox")
	report := r.Report(message(), text(content), []relay.Recipient{bob}, false, now)
	got := report([]relay.Recipient{bob, {Address: "x@y", State: relay.Delivered}})
	if len(got) != 1 {
		t.Fatalf("%d notices", len(got))
	}
	n := got[0]
	checkForm(t, n.Body)
	if n.Message.From != "" || n.Message.ID != noticeID || n.Message.UTF8 || n.Message.EightBit || n.Message.ReceivedAt != now ||
		n.Message.Subject != "Undeliverable: Your order 4711" || n.Message.MessageID != "<01KZZZZZZZZZZZZZZZZZZZZZZZ@relay.example.com>" {
		t.Errorf("the message is %+v", n.Message)
	}
	if len(n.Recipients) != 2 || n.Recipients[0].Address != "ada@example.com" || n.Recipients[0].State != relay.Queued || n.Recipients[1].State != relay.Held {
		t.Errorf("it goes to %+v", n.Recipients)
	}
	if len(n.Events) != 2 || n.Events[0].Kind != relay.EventAccepted || n.Events[1].Kind != relay.EventHeld || n.Events[1].To != "hold@example.com" ||
		!strings.Contains(n.Events[0].Detail, string(message().ID)) {
		t.Errorf("its events are %+v", n.Events)
	}
	if len(n.Told) != 1 || n.Told[0].Message != message().ID || !strings.Contains(n.Told[0].Detail, string(noticeID)) {
		t.Errorf("told is %+v", n.Told)
	}
	if !bytes.Contains(n.Body, []byte("Content-Type: message/rfc822\r\n")) {
		t.Error("the message does not go back")
	}
	if w.asked[0] != "auto-replied after default" {
		t.Errorf("routing was asked with %q", w.asked[0])
	}
	again := report([]relay.Recipient{bob})
	if !reflect.DeepEqual(got, again) {
		t.Error("asked again it gives another notice")
	}
}

// Where there is nothing to tell, nothing is even read.
func TestNothingToReport(t *testing.T) {
	r, _ := reporter(Settings{To: Sender}, Limit{})
	bob := refused("bob@example.net", 550, "5.1.1", "No", "")
	null, never, done := message(), bob, relay.Recipient{Address: "x@y", State: relay.Delivered}
	null.From, never.Notify = "", "NEVER"
	for name, report := range map[string]any{
		"null sender": r.Report(null, nil, []relay.Recipient{bob}, true, now),
		"delivered":   r.Report(message(), nil, []relay.Recipient{done}, false, now),
		"never":       r.Report(message(), nil, []relay.Recipient{never}, false, now),
	} {
		if !reflect.ValueOf(report).IsNil() {
			t.Errorf("%s: there is a report", name)
		}
	}
	if got := r.Delayed(null, nil, []relay.Recipient{bob}, now); got != nil {
		t.Errorf("the null sender is told of a delay: %+v", got)
	}
	if report := r.Report(message(), text(content), []relay.Recipient{done}, true, now); report == nil || report([]relay.Recipient{done}) != nil {
		t.Error("others may have failed, or nothing did and there is a notice")
	}
}

// What is a notice itself is not answered, though it came with a sender.
func TestNoNoticeOfNotices(t *testing.T) {
	r, _ := reporter(Settings{To: Sender}, Limit{})
	bob := refused("bob@example.net", 550, "5.1.1", "No", "")
	tests := []struct {
		contentType string
		answered    bool
	}{
		{"multipart/report; report-type=delivery-status; boundary=a", false},
		{"Multipart/Report;\r\n\tboundary=\"a\"; Report-Type=\"Delivery-Status\"", false},
		{"multipart/report; report-type=disposition-notification; boundary=a", false},
		{"multipart/report; report-type=feedback-report; boundary=a", true},
		{"multipart/report; boundary=a", true},
		{"multipart/mixed; report-type=delivery-status; boundary=a", true},
		{"multipart/report; report-type=delivery-status; ;;=", true},
		{"", true},
	}
	for _, tt := range tests {
		for _, rest := range []string{"", "\r\ntext\r\n"} {
			body := text("Subject: a\r\nContent-Type: " + tt.contentType + "\r\n" + rest)
			told := r.Report(message(), body, []relay.Recipient{bob}, false, now) != nil
			warned := r.Delayed(message(), body, []relay.Recipient{bob}, now) != nil
			if told != tt.answered || warned != tt.answered {
				t.Errorf("%q: told %t, warned %t; want %t", tt.contentType, told, warned, tt.answered)
			}
		}
	}
}

// Where there is no notice, the message says why.
func TestNoNotice(t *testing.T) {
	tests := []struct {
		to    string
		limit Limit
		want  string
	}{
		{"nowhere@example.com", Limit{}, "there is no route"},
		{"drop@example.com", Limit{}, "route default discards it"},
		{"ops@example.com", Limit{N: 1, Per: time.Hour}, "has got 1 in 1h0m0s"},
	}
	for _, tt := range tests {
		r, _ := reporter(Settings{To: tt.to}, tt.limit)
		if tt.limit.N > 0 {
			r.limiter.allow(message().From, now)
		}
		bob := refused("bob@example.net", 550, "5.1.1", "No", "")
		got := r.Report(message(), text(content), []relay.Recipient{bob}, false, now)([]relay.Recipient{bob})
		if len(got) != 1 || got[0].Message != nil || len(got[0].Told) != 1 {
			t.Errorf("%s: %+v", tt.to, got)
			continue
		}
		if e := got[0].Told[0]; e.Kind != relay.EventRejected || e.Message != message().ID || !strings.Contains(e.Detail, tt.want) {
			t.Errorf("%s: told %+v", tt.to, e)
		}
	}
}

// RET decides what goes back of a failure, then the settings (RFC 3461 4.3).
func TestReturn(t *testing.T) {
	bob := refused("bob@example.net", 550, "5.1.1", "No", "")
	tests := []struct {
		ret   string
		full  bool
		cause cause
		want  bool
	}{
		{"", false, failed, false}, {"", true, failed, true},
		{"FULL", false, failed, true}, {"HDRS", true, failed, false},
		{"FULL", true, delayed, false},
	}
	for _, tt := range tests {
		r, _ := reporter(Settings{To: Sender, Full: tt.full}, Limit{})
		m := message()
		m.Return = tt.ret
		var got []spool.Notice
		if tt.cause == delayed {
			got = r.Delayed(m, text(content), []relay.Recipient{bob}, now)
		} else {
			got = r.Report(m, text(content), []relay.Recipient{bob}, false, now)([]relay.Recipient{bob})
		}
		if whole := bytes.Contains(got[0].Body, []byte("Content-Type: message/rfc822\r\n")); whole != tt.want {
			t.Errorf("%+v: the message goes back: %v", tt, whole)
		}
	}
}

// A sender beyond ASCII is told without one such character in the notice.
func TestSenderInUTF8(t *testing.T) {
	r, _ := reporter(Settings{To: Sender}, Limit{})
	m := message()
	m.From, m.UTF8 = "møller@example.com", true
	bob := refused("bob@example.net", 550, "5.1.1", "No", "")
	n := r.Report(m, text(content), []relay.Recipient{bob}, false, now)([]relay.Recipient{bob})[0]
	checkForm(t, n.Body)
	if !n.Message.UTF8 || n.Recipients[0].Address != m.From {
		t.Errorf("%+v goes to %+v", n.Message, n.Recipients)
	}
}
