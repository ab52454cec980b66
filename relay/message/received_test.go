package message

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestReceived(t *testing.T) {
	at := time.Date(2026, 11, 24, 13, 0, 5, 0, time.FixedZone("", 3600))
	tests := []struct {
		name  string
		trace Trace
		want  string
	}{
		{
			"full",
			Trace{Hello: "app.example", Client: netip.MustParseAddr("192.0.2.1"), Hostname: "relay.example", Instance: "I1", Protocol: "ESMTPSA", TLS: "TLS 1.3 TLS_AES_128_GCM_SHA256", ID: "X", For: "a@b", At: at},
			"Received: from app.example ([192.0.2.1])\r\n\tby relay.example (relaykeep I1) with ESMTPSA (TLS 1.3 TLS_AES_128_GCM_SHA256)\r\n\tid X\r\n\tfor <a@b>;\r\n\tTue, 24 Nov 2026 13:00:05 +0100\r\n",
		},
		{
			"several recipients, IPv6",
			Trace{Hello: "[127.0.0.1]", Client: netip.MustParseAddr("2001:db8::1"), Hostname: "r", Protocol: "SMTP", ID: "X", At: at},
			"Received: from [127.0.0.1] ([IPv6:2001:db8::1])\r\n\tby r with SMTP\r\n\tid X;\r\n\tTue, 24 Nov 2026 13:00:05 +0100\r\n",
		},
		{
			"minimal",
			Trace{Hello: "app", Client: netip.MustParseAddr("192.0.2.1"), Hostname: "r", Protocol: "ESMTP", ID: "X", At: at, Minimal: true},
			"Received: by r with ESMTP\r\n\tid X;\r\n\tTue, 24 Nov 2026 13:00:05 +0100\r\n",
		},
		{
			"hostile name",
			Trace{Hello: "a)\r\nX: (é<;", Hostname: "r", Protocol: "ESMTP", ID: "X", At: at},
			"Received: from a???X:?????? (local socket)\r\n\tby r with ESMTP\r\n\tid X;\r\n\tTue, 24 Nov 2026 13:00:05 +0100\r\n",
		},
		{
			"no name",
			Trace{Hostname: "r", Protocol: "ESMTP", ID: "X", At: at},
			"Received: from unknown (local socket)\r\n\tby r with ESMTP\r\n\tid X;\r\n\tTue, 24 Nov 2026 13:00:05 +0100\r\n",
		},
	}
	for _, tt := range tests {
		if got := tt.trace.Received(); got != tt.want {
			t.Errorf("%s: got\n%q, want\n%q", tt.name, got, tt.want)
		}
	}
	long := Trace{Hello: strings.Repeat("h", 5000), Hostname: strings.Repeat("r", 255), ID: "X", For: strings.Repeat("a", 254), At: at}
	for line := range strings.SplitSeq(long.Received(), "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

func TestProtocol(t *testing.T) {
	tests := []struct {
		extended, utf8, tls, auth bool
		want                      string
	}{
		{want: "SMTP"},
		{extended: true, want: "ESMTP"},
		{extended: true, tls: true, want: "ESMTPS"},
		{extended: true, auth: true, want: "ESMTPA"},
		{extended: true, tls: true, auth: true, want: "ESMTPSA"},
		{extended: true, utf8: true, want: "UTF8SMTP"},
		{extended: true, utf8: true, tls: true, auth: true, want: "UTF8SMTPSA"},
	}
	for _, tt := range tests {
		if got := Protocol(tt.extended, tt.utf8, tt.tls, tt.auth); got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}
