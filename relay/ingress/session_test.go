package ingress

import (
	"strings"
	"testing"

	"relaykeep/relay"
)

func TestAccept(t *testing.T) {
	w := start(t, nil)
	d := w.greeted()
	got := d.send("Subject: hello\r\nMessage-ID: <1@x>\r\n\r\nline\r\n..dot\r\n", "250 2.0.0 Ok: queued as ID")
	if want := "250 2.0.0 Ok: queued as ID000000000000000000000001\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	d.ask("QUIT", "221 ")
	m := w.one()
	if got, want := content(t, m), "Subject: hello\r\nMessage-ID: <1@x>\r\n\r\nline\r\n.dot\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if m.m.From != "a@from.example" || m.m.Subject != "hello" || m.m.MessageID != "<1@x>" || m.m.Client != "127.0.0.1" || m.m.Listener != "test" {
		t.Errorf("message: %+v", m.m)
	}
	r := m.to[0]
	if len(m.to) != 1 || r.Address != "b@to.example" || r.State != relay.Queued || r.Route != "default" || len(r.Eligible) != 1 || r.ExpiresAt.IsZero() {
		t.Errorf("recipients: %+v", m.to)
	}
	if !strings.HasPrefix(m.body, "Received: from client.example ([127.0.0.1])\r\n\tby relay.example with ESMTP\r\n\tid ID000000000000000000000001\r\n\tfor <b@to.example>;\r\n\t") {
		t.Errorf("Received: %.300q", m.body)
	}
	if e := w.sink.of(relay.EventAccepted); len(e) != 1 || e[0].Size != int64(len(m.body)) || e[0].To != "b@to.example" {
		t.Errorf("events: %+v", e)
	}
}
