package main

import (
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"relaykeep/relay/config"
	"relaykeep/relay/ingress"
	"relaykeep/upstream/upstreamtest"
)

func listener(tls *ingress.TLSOptions, addresses ...string) config.Listener {
	return config.Listener{Options: ingress.Options{Addresses: addresses, TLS: tls}}
}

func TestDoors(t *testing.T) {
	login := listener(nil, "unix:/run/login.sock")
	login.Auth = &ingress.AuthOptions{Required: true}
	got := doors([]config.Listener{
		login,
		listener(&ingress.TLSOptions{Implicit: true}, "127.0.0.1:465"),
		listener(&ingress.TLSOptions{Required: true}, "unix:/run/tls.sock"),
		listener(&ingress.TLSOptions{}, "0.0.0.0:25", "[::]:25", ":26", "systemd:smtp"),
		listener(nil, "mail.example.com:2525", "unix:/run/smtp.sock", "[::1]:2525"),
	})
	want := []door{
		{network: "unix", address: "/run/smtp.sock"},
		{network: "tcp", address: "127.0.0.1:25"},
		{network: "tcp", address: "[::1]:25"},
		{network: "tcp", address: "127.0.0.1:26"},
		{network: "tcp", address: "mail.example.com:2525"},
		{network: "tcp", address: "[::1]:2525"},
		{network: "tcp", address: "127.0.0.1:465", implicitTLS: true},
		{network: "unix", address: "/run/tls.sock", startTLS: true},
		{network: "unix", address: "/run/login.sock"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func mailTo(to ...string) testMail {
	return testMail{
		envelope: envelope{from: "me@example.com", to: to}, subject: "grüße\r\nBcc: all@example.com",
		host: "client.test", at: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC),
	}
}

const someID = "01JX3Z5K8Q6W7RT2V9B4M0NCDE"

func TestSubmit(t *testing.T) {
	cert, err := upstreamtest.SelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		options upstreamtest.Options
		door    door
		stage   upstreamtest.Stage
		reply   string
		err     string // "": it is queued
	}{
		"plain":           {stage: upstreamtest.Dot, reply: "250 2.0.0 Ok: queued as " + someID},
		"starttls":        {options: upstreamtest.Options{Certificate: cert}, door: door{startTLS: true}, stage: upstreamtest.Dot, reply: "250 2.0.0 Ok: queued as " + someID},
		"implicit":        {options: upstreamtest.Options{Certificate: cert, Implicit: true}, door: door{implicitTLS: true, startTLS: true}, stage: upstreamtest.Dot, reply: "250 2.0.0 Ok: queued as " + someID},
		"another relay":   {stage: upstreamtest.Dot, reply: "250 Ok: queued as 4ABC", err: "is it relaykeep? It said Ok: queued as 4ABC"},
		"full":            {stage: upstreamtest.Dot, reply: "452 4.3.1 spool full", err: "it said 452 4.3.1 spool full"},
		"busy":            {stage: upstreamtest.Greeting, reply: "421 4.7.0 too many connections\x1b", err: `it said 421 4.7.0 too many connections\x1b`},
		"login":           {stage: upstreamtest.Mail, reply: "530 5.7.0 authentication required", err: "it said 530 5.7.0 authentication required"},
		"relaying denied": {stage: upstreamtest.Rcpt, reply: "550-5.7.1 relaying\r\n550 5.7.1 denied", err: "it said 550 5.7.1 relaying 5.7.1 denied"},
		"no data":         {stage: upstreamtest.Data, reply: "554 no", err: "it said 554 no"},
		"no starttls":     {door: door{startTLS: true}, err: "it said 50"},
	} {
		t.Run(name, func(t *testing.T) {
			srv, err := upstreamtest.Start(tt.options)
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			if tt.stage != "" {
				srv.On(tt.stage, upstreamtest.Always(upstreamtest.Reply(strings.Split(tt.reply, "\r\n")...)))
			}
			tt.door.network, tt.door.address = "tcp", srv.Addr()
			id, err := mailTo("bob@example.net", "carol@example.org").submit(t.Context(), []door{{network: "unix", address: "/nowhere"}, tt.door})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %q, %v; want %q", id, err, tt.err)
				}
				return
			}
			if err != nil || id != someID {
				t.Fatalf("got %q, %v", id, err)
			}
			checkTestMail(t, srv.Messages()[0].Body)
		})
	}
}

// The subject cannot add a field.
func checkTestMail(t *testing.T, body []byte) {
	t.Helper()
	text := string(body)
	header, _, _ := strings.Cut(text, "\r\n\r\n")
	for _, want := range []string{
		"Date: Sat, 31 Jan 2026 08:00:00 +0000\r\n", "From: <me@example.com>\r\n", "To: <bob@example.net>,\r\n <carol@example.org>\r\n",
		"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe=0D=0ABcc:_all@example.com?=\r\n", "@client.test>\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(header, "\r\nBcc") {
		t.Errorf("a field was added:\n%s", text)
	}
}

func TestSubmitNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = mailTo("a@b").submit(t.Context(), []door{{network: "unix", address: "/nowhere"}, {network: "tcp", address: l.Addr().String()}})
	want := "is it running? Tried /nowhere (no such file or directory), " + l.Addr().String() + " (connection refused)"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if _, err := mailTo("a@b").submit(t.Context(), nil); err == nil {
		t.Error("no doors, no error")
	}
}
