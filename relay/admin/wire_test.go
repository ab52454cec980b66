package admin

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The keys of these objects are a public contract: a change of a golden file
// is a change of the contract.
func TestGolden(t *testing.T) {
	for name, v := range map[string]any{
		"list.json":     FromEntry(sample()),
		"show.json":     FromEntryInFull(sample()),
		"empty.json":    FromEntryInFull(spool.Entry{Message: relay.Message{ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE"}}),
		"stats.json":    FromStats(spool.Stats{Messages: 2, History: 1, Recipients: []spool.Count{{State: relay.Queued, Upstream: "ses", N: 3}}, Oldest: moment(0), BodyBytes: 10, FileBytes: 100, UsedBytes: 50, FreePages: 4, PageSize: 16384}),
		"nothing.json":  FromStats(spool.Stats{}),
		"version.json":  Version{Version: "1.2.3", Go: "go1.26.0"},
		"upstream.json": sampleUpstream(),
		"up.json":       Upstream{Name: "backup", State: UpstreamUp, Breaker: "closed", Connections: 10},
		"change.json":   Change{true, Upstream{Name: "ses", State: UpstreamPaused, PausedBy: "root", Breaker: "closed"}},
		"probe.json":    ProbeResult{"ses", true, Verdict{Stage: relay.StageAuth, Class: relay.ClassDelivered}},
		"incident.json": FromIncident(sampleIncident()),
		"resolved.json": Resolved{FromIncident(closedIncident()), 12},
		"acted.json":    Acted{Action: "hold", Messages: 1, Recipients: 2, Sending: 3, Unfit: 4},
		"event.json":    FromEvent(sampleEvent()),
		"repairs.json":  Stats{Recipients: []spool.Count{}, Repairs: []Repair{{"127.0.0.1", "shop", "Date added", 2, "01JX3Z5K8Q6W7RT2V9B4M0NCDE", Time{moment(0)}}}},
		"report.json":   checkLine{Done: 1, Total: 2, Report: &spool.Report{Messages: 1, Problems: []string{"it is cut short"}}},
		"status.json":   sampleStatus(),
		"error.json":    failure{`no message "<x>"`},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			e := newEncoder(&got)
			e.SetIndent("", "  ")
			if err := e.Encode(v); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
			}
		})
	}
}

// moment is a time that is not in UTC and finer than what JSON shows.
func moment(minutes int) time.Time {
	zone := time.FixedZone("CET", 3600)
	return time.Date(2026, 1, 31, 9, minutes, 0, 123_456_789, zone)
}

// sample has a recipient in every state, the first of them finished.
func sample() spool.Entry {
	greylisted := relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeRecipient, Action: relay.ActionRetry, Then: relay.ActionFailover,
		Stage: relay.StageRcpt, Code: 451, Enhanced: "4.7.1", Text: "Greylisted <&>", Rule: "greylisted",
	}
	ok := relay.Verdict{
		Class: relay.ClassDelivered, Scope: relay.ScopeMessage, Action: relay.ActionDone,
		Stage: relay.StageBody, Code: 250, Enhanced: "2.0.0", Text: "Ok", RemoteID: "0100abc", Rule: "accepted",
	}
	return spool.Entry{
		Message: relay.Message{
			ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", MessageID: "<1@example.com>", Subject: "=?utf-8?q?gr=C3=BC=C3=9Fe?=", From: "app@example.com",
			Size: 1234, ReceivedAt: moment(0), Listener: "local", Client: "127.0.0.1", User: "shop",
		},
		Recipients: []relay.Recipient{
			{Address: "done@example.net", State: relay.Delivered, Route: "otp", Priority: relay.High, ExpiresAt: moment(10), Attempts: 1, Upstream: "ses", RemoteID: "0100abc", Last: ok, LastAt: moment(1), FinishedAt: moment(1)},
			{Address: "later@example.net", State: relay.Queued, Route: "default", ExpiresAt: moment(50), Eligible: []string{"backup", "third"}, Attempts: 2, InDoubt: 1, NextAttempt: moment(5), Upstream: "ses", Last: greylisted, LastAt: moment(2)},
			{Address: "new@example.net", State: relay.Queued, Route: "bulk", Priority: relay.Low, ExpiresAt: moment(50), Eligible: []string{"ses"}, NextAttempt: moment(0)},
			{Address: "held@example.net", State: relay.Held, Route: "default", ExpiresAt: moment(50), HoldReason: relay.HoldOperator, NextAttempt: moment(5)},
			{Address: "incident@example.net", State: relay.Held, Route: "default", ExpiresAt: moment(50), HoldReason: "the login is refused", Incident: 3},
			{Address: "sending@example.net", State: relay.Sending, Route: "default", ExpiresAt: moment(50), Eligible: []string{"ses"}, HoldReason: "of before", NextAttempt: moment(5)},
		},
		Events: []relay.Event{
			{Kind: relay.EventDelivered, At: moment(1), Message: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", To: "done@example.net", Upstream: "ses", Attempt: 1, Verdict: ok, Duration: 1500 * time.Millisecond, Total: time.Minute},
			{Kind: relay.EventDeferred, At: moment(2), To: "later@example.net", Upstream: "ses", Attempt: 2, Verdict: greylisted, NextAttempt: moment(5)},
			{Kind: relay.EventHeld, At: moment(3), To: "held@example.net", Detail: "by root"},
			{Kind: relay.EventHeld, At: moment(4), To: "incident@example.net", Incident: 3, Detail: "the login is refused"},
		},
		HasBody: true,
	}
}

func sampleEvent() relay.Event {
	e := sample().Events[0]
	e.MessageID, e.Listener, e.Client, e.User, e.From = "<1@example.com>", "local", "127.0.0.1", "shop", "app@example.com"
	e.Size, e.Others, e.Route, e.Incident, e.Detail, e.NextAttempt = 1234, 2, "otp", 3, "in words", moment(9)
	return e
}

func sampleStatus() Status {
	s := Status{
		Version: "1.2.3", StartedAt: Time{moment(0)}, Listeners: []ListenerStatus{{"local", []string{"tcp 127.0.0.1:2525"}, TLSOffered, true}},
		Upstreams: []Upstream{sampleUpstream()}, Messages: 2, Recipients: CountStates(nil), Oldest: Time{moment(0)},
		FileBytes: 100, BodyBytes: 10, Refusing: "the spool is full", LastHour: Rates{1, 2, 3, 4}, Incidents: []Incident{FromIncident(sampleIncident())},
	}
	s.Judge(moment(5))
	return s
}

func TestTime(t *testing.T) {
	for in, want := range map[string]string{
		`null`:                             `null`,
		`"2026-01-31T08:00:00Z"`:           `"2026-01-31T08:00:00.000Z"`,
		`"2026-01-31T09:00:00.5678+01:00"`: `"2026-01-31T08:00:00.567Z"`,
	} {
		var v Time
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("%s gives %s, %v; want %s", in, got, err, want)
		}
	}
	if err := json.Unmarshal([]byte(`"yesterday"`), new(Time)); err == nil {
		t.Error("yesterday is a time")
	}
}
