package spool

import (
	"testing"
	"time"

	"relaykeep/relay"
)

// usualRecord is one as most are: one recipient, delivered at the first try.
func usualRecord() (Record, relay.Event) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	verdict := relay.Verdict{
		Class: relay.ClassDelivered, Action: relay.ActionDone, Scope: relay.ScopeRecipient,
		Stage: relay.StageBody, Code: 250, Enhanced: "2.0.0", Text: "Ok: queued as 4XyzAbc", Rule: "accepted",
	}
	r := Record{
		Message: relay.Message{
			ID: NewID(), MessageID: "<20261124120000.1234@app.example.com>", Subject: "monthly report",
			From: "app@example.com", Size: 10 << 10, ReceivedAt: at, Listener: "local", Client: "127.0.0.1",
		},
		Recipients: []relay.Recipient{{
			Address: "someone@example.org", Route: "default", Eligible: []string{"ses", "sendgrid"}, State: relay.Delivered,
			ExpiresAt: at.Add(5 * 24 * time.Hour), Attempts: 1, Upstream: "ses", RemoteID: "4XyzAbc", Last: verdict, LastAt: at, FinishedAt: at,
		}},
		Table: "0123456789abcdef",
	}
	return r, relay.Event{Kind: relay.EventDelivered, At: at, To: "someone@example.org", Upstream: "ses", Attempt: 1, Verdict: verdict}
}

// BenchmarkCodec times what a message costs in encoding: its record and an event.
func BenchmarkCodec(b *testing.B) {
	c := NewCodec()
	r, e := usualRecord()
	record, err := c.EncodeRecord(&r)
	if err != nil {
		b.Fatal(err)
	}
	event, err := c.EncodeEvent(&e)
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name string
		run  func() error
	}{
		{"encode a record", func() error { _, err := c.EncodeRecord(&r); return err }},
		{"decode a record", func() error { _, err := c.DecodeRecord(record); return err }},
		{"encode an event", func() error { _, err := c.EncodeEvent(&e); return err }},
		{"decode an event", func() error { _, err := c.DecodeEvent(event, &r.Message); return err }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bb.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
