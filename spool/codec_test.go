package spool

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relaykeep/relay"
)

// anyRecord draws a record with every field set to something.
func anyRecord(t *rapid.T) Record {
	text := rapid.StringN(0, 40, 200)
	when := rapid.Custom(func(t *rapid.T) time.Time {
		return fromNanos(rapid.Int64().Draw(t, "nanos"))
	})
	verdict := rapid.Custom(func(t *rapid.T) relay.Verdict {
		return relay.Verdict{
			Class: relay.Class(rapid.IntRange(0, 4).Draw(t, "class")), Scope: relay.Scope(rapid.IntRange(0, 4).Draw(t, "scope")),
			Action: relay.Action(rapid.IntRange(0, 8).Draw(t, "action")), Then: relay.Action(rapid.IntRange(0, 8).Draw(t, "then")),
			Stage: relay.Stage(rapid.IntRange(0, 9).Draw(t, "stage")), Code: rapid.IntRange(0, 599).Draw(t, "code"),
			Enhanced: text.Draw(t, "enhanced"), Text: text.Draw(t, "text"), RemoteID: text.Draw(t, "remote"), Rule: text.Draw(t, "rule"),
			RetryAfter: time.Duration(rapid.Int64().Draw(t, "after")), Free: rapid.Bool().Draw(t, "free"),
			Notifies: rapid.Bool().Draw(t, "notifies"),
			Warn:     rapid.Bool().Draw(t, "warn"),
			Split:    relay.Split(rapid.IntRange(0, 2).Draw(t, "split")),
		}
	})
	recipient := rapid.Custom(func(t *rapid.T) relay.Recipient {
		return relay.Recipient{
			Address: text.Draw(t, "address"), Notify: text.Draw(t, "notify"), OriginalRecipient: text.Draw(t, "orcpt"),
			State: relay.State(rapid.IntRange(0, 6).Draw(t, "state")), Route: text.Draw(t, "route"),
			Priority:    relay.Priority(rapid.IntRange(-1, 1).Draw(t, "priority")),
			Eligible:    rapid.SliceOfN(text, 1, 4).Draw(t, "eligible"),
			NextAttempt: when.Draw(t, "next"), ExpiresAt: when.Draw(t, "expires"),
			Attempts: rapid.Int().Draw(t, "attempts"), Failures: rapid.Int().Draw(t, "failures"), InDoubt: rapid.Int().Draw(t, "doubt"),
			Upstream: text.Draw(t, "upstream"), RemoteID: text.Draw(t, "remote"), Last: verdict.Draw(t, "last"), LastAt: when.Draw(t, "lastAt"),
			HoldReason: text.Draw(t, "hold"), FinishedAt: when.Draw(t, "finished"),
			Incident: rapid.Int64().Draw(t, "incident"), WarnAt: when.Draw(t, "warn"), Reported: rapid.Bool().Draw(t, "reported"),
		}
	})
	signature := rapid.Custom(func(t *rapid.T) relay.Signature {
		s := relay.Signature{Fields: text.Draw(t, "fields")}
		copy(s.Fingerprint[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "fingerprint"))
		return s
	})
	r := Record{Table: text.Draw(t, "table"), ReportDue: rapid.Bool().Draw(t, "due"), Recipients: rapid.SliceOfN(recipient, 1, 5).Draw(t, "recipients")}
	r.Message = relay.Message{
		ID: relay.ID(text.Draw(t, "id")), MessageID: text.Draw(t, "mid"), Subject: text.Draw(t, "subject"), From: text.Draw(t, "from"),
		Size: rapid.Int64().Draw(t, "size"), ReceivedAt: when.Draw(t, "received"), Listener: text.Draw(t, "listener"),
		Client: text.Draw(t, "client"), User: text.Draw(t, "user"), EightBit: rapid.Bool().Draw(t, "8bit"), UTF8: rapid.Bool().Draw(t, "utf8"),
		Return: text.Draw(t, "return"), EnvelopeID: text.Draw(t, "envid"), Repaired: text.Draw(t, "repaired"),
		Content: relay.Content(rapid.IntRange(0, 7).Draw(t, "content")),
	}
	if n := rapid.IntRange(0, 2).Draw(t, "signatures"); n > 0 {
		r.Signatures = rapid.SliceOfN(signature, n, n).Draw(t, "kept")
	}
	for range rapid.IntRange(0, 2).Draw(t, "told") {
		r.Told = append(r.Told, rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "event"))
	}
	for range rapid.IntRange(0, 2).Draw(t, "intents") {
		in := Intent{Index: rapid.Int().Draw(t, "index"), Action: text.Draw(t, "wanted"), By: text.Draw(t, "by"), At: when.Draw(t, "wantedAt")}
		if rapid.Bool().Draw(t, "redirected") {
			to := recipient.Draw(t, "instead")
			in.Instead = &to
		}
		r.Intents = append(r.Intents, in)
	}
	copy(r.Message.SHA256[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
	return r
}

func TestRecordComesBackAsItWas(t *testing.T) {
	c := NewCodec()
	rapid.Check(t, func(t *rapid.T) {
		want := anyRecord(t)
		b, err := c.EncodeRecord(&want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.DecodeRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestEveryFieldIsStored notices a field of the vocabulary that was forgotten
// in the stored layout: anyRecord must then be told of it, too.
// A time that does not fit into 64 bits is stored as the first or the last that
// does, and never as one on the other side of now.
func TestTimesThatDoNotFit(t *testing.T) {
	for _, year := range []int{-300, 1600, 1700, 1969, 1971, 2261, 2300, 9999} {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		got, now := fromNanos(Nanos(at)), time.Now()
		if got.Before(now) != at.Before(now) || year > 1678 && year < 2262 && !got.Equal(at) {
			t.Errorf("%v is stored as %v", at, got)
		}
	}
	if Nanos(time.Time{}) != 0 {
		t.Error("the zero time is not stored as such")
	}
}

func TestEveryFieldIsStored(t *testing.T) {
	for _, c := range []struct {
		of   any
		want int
	}{{relay.Message{}, 16}, {relay.Recipient{}, 21}, {relay.Verdict{}, 15 + 1 /* Local, of the attempt only */}, {relay.Signature{}, 2}, {Record{}, 7}, {Intent{}, 5}, {Mark{}, 4}} {
		if got := reflect.TypeOf(c.of).NumField(); got != c.want {
			t.Errorf("%T has %d fields, and %d are known to be stored", c.of, got, c.want)
		}
	}
}

func TestEventComesBackAsItWas(t *testing.T) {
	c := NewCodec()
	at := time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)
	m := relay.Message{ID: "id", MessageID: "<m>", From: "f", Size: 7, Client: "c", Listener: "l", User: "u"}
	want := relay.Event{
		Kind: relay.EventDeferred, At: at, Message: "id", MessageID: "<m>", From: "f", Size: 7, Client: "c", Listener: "l", User: "u",
		To: "t", Upstream: "up", Attempt: 3, Verdict: relay.Verdict{Class: relay.ClassDeferred, Code: 450, Text: "later"},
		NextAttempt: at.Add(time.Minute), Duration: time.Second, Total: time.Hour, Detail: "d", Incident: 7,
	}
	b, err := c.EncodeEvent(&want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.DecodeEvent(b, &m); err != nil || got != want {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

func TestIncidentComesBackAsItWas(t *testing.T) {
	c := NewCodec()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	want := relay.Incident{
		Number: 3, Cause: "upstream ses auth", Kind: relay.IncidentUpstream, Upstream: "ses", Sender: "a@example.com",
		Verdict: relay.Verdict{Code: 535}, Detail: "d", OpenedAt: at, ClosedAt: at.Add(time.Hour), ClosedBy: "probe", Times: 2,
	}
	b, err := c.EncodeIncident(&want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.DecodeIncident(b); err != nil || got != want {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	c := NewCodec()
	for _, test := range []struct {
		name, want string
		b          []byte
	}{
		{"empty", "a stored message cannot be read: it is empty", nil},
		{"another layout", "a stored message cannot be read: its layout has the version 9, and this program knows 1", []byte{9, 0xa0}},
	} {
		if _, err := c.DecodeRecord(test.b); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

func FuzzCodec(f *testing.F) {
	c := NewCodec()
	r := Record{Message: relay.Message{ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", From: "a@example.com"},
		Recipients: []relay.Recipient{{Address: "b@example.com", Eligible: []string{"ses"}, Last: relay.Verdict{Code: 250}}}}
	b, err := c.EncodeRecord(&r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte{1, 0xbf, 0xff})
	f.Add([]byte{1, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = c.DecodeMark(b)
		_, _ = c.DecodeCounts(b)
		_, _ = c.DecodeEvent(b, &relay.Message{})
		_, _ = c.DecodeIncident(b)
		r, err := c.DecodeRecord(b)
		if err != nil {
			return
		}
		again, err := c.EncodeRecord(&r)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		r2, err := c.DecodeRecord(again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		third, err := c.EncodeRecord(&r2)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	})
}
