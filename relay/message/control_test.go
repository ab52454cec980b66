package message

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

func TestReadControl(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, header string
		common       bool
		want         Control
	}{
		{"nothing", "Subject: x\r\nX-Relay: y\r\n", true, Control{}},
		{"a duration", "X-Relaykeep-Expire: 1h30m\r\n", false, Control{Expire: at.Add(90 * time.Minute)}},
		{"a time, folded", "x-relaykeep-EXPIRE:\r\n 2026-11-24T13:00:00+01:00\r\n", false, Control{Expire: at}},
		{"the earlier of two", "X-Relaykeep-Expire: 2h\r\nX-Relaykeep-Expire: 1h\r\n", false, Control{Expire: at.Add(time.Hour)}},
		{"one of two cannot be read", "X-Relaykeep-Expire: 2h\r\nX-Relaykeep-Expire: 0s\r\n", false, Control{Expire: at.Add(2 * time.Hour), Unread: []string{ExpireField}}},
		{"a priority", "X-Relaykeep-Priority: High\r\n", true, Control{Priority: relay.High, Ranked: true}},
		{"no priority", "X-Relaykeep-Priority:\r\n", false, Control{Unread: []string{PriorityField}}},
		{"an unknown field", "X-Relaykeep-Route: a\r\n", false, Control{Unread: []string{ControlPrefix}}},
		{"one that another reads", "X-Relaykeep-Key: a\r\n", false, Control{}},
		{"X-Priority", "X-Priority: 2 (High)\r\n", true, Control{Priority: relay.High, Ranked: true}},
		{"X-Priority out of range", "X-Priority: 0\r\n", true, Control{}},
	}
	for _, tt := range tests {
		h, _, err := ReadHeader(strings.NewReader(tt.header + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := ReadControl(h, at, ControlOptions{Common: tt.common, Known: "X-Relaykeep-Key"})
		if !got.Expire.Equal(tt.want.Expire) || got.Priority != tt.want.Priority || got.Ranked != tt.want.Ranked || !slices.Equal(got.Unread, tt.want.Unread) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestApply(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name          string
		c             Control
		route, expire time.Duration // from at; 0: none
		from, to      relay.Priority
	}{
		{"nothing", Control{}, time.Hour, time.Hour, relay.Normal, relay.Normal},
		{"sooner", Control{Expire: at.Add(time.Minute)}, time.Hour, time.Minute, relay.Low, relay.Low},
		{"later", Control{Expire: at.Add(2 * time.Hour)}, time.Hour, time.Hour, relay.High, relay.High},
		{"no end before", Control{Expire: at.Add(time.Minute)}, 0, time.Minute, relay.Normal, relay.Normal},
		{"above", Control{Priority: relay.High, Ranked: true}, time.Hour, time.Hour, relay.Low, relay.Low},
		{"below", Control{Priority: relay.Low, Ranked: true}, time.Hour, time.Hour, relay.High, relay.Low},
		{"normal", Control{Priority: relay.Normal, Ranked: true}, time.Hour, time.Hour, relay.High, relay.Normal},
	} {
		r := relay.Recipient{Priority: tt.from}
		if tt.route > 0 {
			r.ExpiresAt = at.Add(tt.route)
		}
		tt.c.Apply(&r)
		if r.Priority != tt.to || !r.ExpiresAt.Equal(at.Add(tt.expire)) {
			t.Errorf("%s: got %v, %v", tt.name, r.Priority, r.ExpiresAt)
		}
	}
}

// Whatever comes in, what is stored has the fields that it must have and none
// that are for us, and the text is what it was.
func FuzzComplete(f *testing.F) {
	for _, s := range []string{
		"", "text\r\n", "From: a\r\n\r\nx\r\n", "Date:\r\nMessage-ID: \r\n\tx\r\nX-Relaykeep-Expire: 10m\r\n\r\nx\r\n",
		"Date: a\r\nDate:\r\nx-relaykeep-: y\r\ntext\r\n", "From : a\r\nX-RELAYKEEP-PRIORITY : low\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h, whole, err := ReadHeader(&Newlines{Source: bytes.NewReader(in)})
		if err != nil {
			return
		}
		d := Defaults{Date: time.Unix(0, 0), MessageID: "<id@x>", From: "a@x"}
		ReadControl(h, d.Date, ControlOptions{Common: true})
		rest, err := h.Without(whole, func(f Field) bool { return IsControl(f) || d.IsEmpty(f) })
		if err != nil {
			t.Fatal(err)
		}
		var top bytes.Buffer
		for _, f := range d.Missing(h) {
			top.Write(f.Raw())
		}
		stored, err := io.ReadAll(io.MultiReader(&top, rest))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := ReadHeader(bytes.NewReader(stored))
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Missing(got)) > 0 || slices.ContainsFunc(got.Fields(), IsControl) || slices.ContainsFunc(got.Fields(), d.IsEmpty) {
			t.Errorf("%q is stored as %q", in, stored)
		}
		before, _ := io.ReadAll(&Newlines{Source: bytes.NewReader(in)})
		if text := before[h.Len():]; !bytes.HasSuffix(stored, text) {
			t.Errorf("the text %q is stored as %q", text, stored)
		}
	})
}
