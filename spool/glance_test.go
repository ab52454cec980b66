package spool

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relaykeep/relay"
)

// What a filter selects, a glance never turns away.
func TestGlanceTurnsNothingAway(t *testing.T) {
	codec := NewCodec()
	rapid.Check(t, func(t *rapid.T) {
		rec, f := drawRecord(t), drawFilter(t)
		raw, err := codec.EncodeRecord(&rec)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rec.Recipients { // as a lease shows it
			if r := &rec.Recipients[i]; r.State == relay.Queued && rapid.Bool().Draw(t, "leased") {
				r.State = relay.Sending
			}
		}
		if g := NewGlance(f); f.Match(rec.Entry()) && !g.MayMatch(raw) {
			t.Fatalf("%+v selects %+v", f, rec)
		}
	})
}

func drawRecord(t *rapid.T) Record {
	address := rapid.SampledFrom([]string{"", "bob@example.net", "Bob@Example.NET", "\u212aurt@example.net", "\u0130lse@example.org", "größe@example.org", "a/b@example.net"})
	name := rapid.SampledFrom([]string{"", "ses", "backup", "größe"})
	id := rapid.SampledFrom([]string{"", "<1@example.net>", "2@example.net", "remote-1"})
	rec := Record{Message: relay.Message{
		ID: NewID(), From: address.Draw(t, "from"), MessageID: id.Draw(t, "message_id"), ReceivedAt: drawTime(t),
		SHA256: [32]byte{keyReceivedAt, cborUint64, 1},
	}}
	for range rapid.IntRange(1, 3).Draw(t, "recipients") {
		r := relay.Recipient{
			Address: address.Draw(t, "to"), State: rapid.SampledFrom([]relay.State{relay.Queued, relay.Delivered, relay.Bounced, relay.Expired, relay.Held, relay.Deleted}).Draw(t, "state"),
			Route: name.Draw(t, "route"), Upstream: name.Draw(t, "upstream"), RemoteID: id.Draw(t, "remote_id"), NextAttempt: drawTime(t),
		}
		if up := name.Draw(t, "eligible"); up != "" {
			r.Eligible = []string{up}
		}
		r.Last.Code = rapid.SampledFrom([]int{0, 250, 255, 256, 354, 421, 550}).Draw(t, "code")
		rec.Recipients = append(rec.Recipients, r)
	}
	return rec
}

func drawFilter(t *rapid.T) Filter {
	some := func(values ...string) string { return rapid.SampledFrom(append(values, "", "", "")).Draw(t, "filter") }
	f := Filter{
		AnyState: rapid.Bool().Draw(t, "any"), Upstream: some("ses", "größe"), Route: some("backup"),
		From: some("*@example.net", "kurt@*", "ilse*", "*GRÖSSE*", "bo[b]@*", "?ob@example.net"), To: some("BOB@*", "*urt@*.net", "a/*", `\bob*`, "größe@*"),
		MessageID: some("1@example.net", "<2@example.net>"), RemoteID: some("remote-1"), Code: some("250", "255", "256", "550", "4xx", "4XX"),
	}
	if !f.AnyState {
		f.States = rapid.SliceOfN(rapid.SampledFrom([]relay.State{relay.Queued, relay.Sending, relay.Delivered, relay.Bounced, relay.Held}), 0, 2).Draw(t, "states")
	}
	if rapid.Bool().Draw(t, "older") {
		f.Before = drawLimit(t)
	}
	if rapid.Bool().Draw(t, "newer") {
		f.After = drawLimit(t)
	}
	return f
}

func drawTime(t *rapid.T) time.Time {
	return time.Date(2026, 11, 24, 12, rapid.IntRange(0, 5).Draw(t, "minute"), 0, 0, time.UTC)
}

// drawLimit is now and then a time that cannot be stored as it is.
func drawLimit(t *rapid.T) time.Time {
	if year := rapid.SampledFrom([]int{0, 0, 0, 0, 1600, 2300}).Draw(t, "year"); year > 0 {
		return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return drawTime(t)
}

// A glance is of use: it turns away what each filter by itself does not select.
func TestGlanceTurnsAway(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	rec := Record{
		Message: relay.Message{ID: NewID(), From: "app@example.com", MessageID: "<1@example.com>", ReceivedAt: now},
		Recipients: []relay.Recipient{{
			Address: "bob@example.net", Route: "default", Eligible: []string{"ses"}, Upstream: "ses",
			NextAttempt: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour), LastAt: now, Last: relay.Verdict{Code: 451},
		}},
	}
	raw, err := NewCodec().EncodeRecord(&rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Filter{
		{States: []relay.State{relay.Held}}, {Upstream: "backup"}, {Route: "other"}, {From: "*@example.org"}, {To: "carol@*"},
		{MessageID: "<2@example.com>"}, {RemoteID: "remote-1"}, {Before: now}, {After: now}, {Code: "452"},
	} {
		if g := NewGlance(f); g.MayMatch(raw) {
			t.Errorf("%+v may select it", f)
		}
	}
	for _, f := range []Filter{{}, {States: []relay.State{relay.Queued}}, {Upstream: "ses"}, {To: "BOB@*"}, {From: strings.ToUpper(rec.Message.From)}, {Code: "4xx"}, {Code: "451"}, {Before: now.Add(1)}, {After: now.Add(-1)}} {
		if g := NewGlance(f); !g.MayMatch(raw) {
			t.Errorf("%+v may not select it", f)
		}
	}
}

func BenchmarkGlance(b *testing.B) {
	rec := Record{
		Message:    relay.Message{ID: NewID(), From: "app@example.com", MessageID: "<1@example.com>", ReceivedAt: time.Now(), Subject: "monthly report"},
		Recipients: []relay.Recipient{{Address: "bob@example.net", Route: "default", Eligible: []string{"ses"}, Upstream: "ses", ExpiresAt: time.Now()}},
	}
	codec := NewCodec()
	raw, err := codec.EncodeRecord(&rec)
	if err != nil {
		b.Fatal(err)
	}
	f := Filter{From: "*@example.org"}
	g := NewGlance(f)
	b.Run("glance", func(b *testing.B) {
		for b.Loop() {
			g.MayMatch(raw)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			rec, _ := codec.DecodeRecord(raw)
			f.Match(rec.Entry())
		}
	})
}
