package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relaykeep/relay"
	"relaykeep/relay/delivery"
	"relaykeep/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a Source of a small spool.
func source() Source {
	return Source{
		Stats: func(context.Context) (spool.Stats, error) {
			return spool.Stats{
				Recipients: []spool.Count{{State: relay.Queued, Upstream: "ses", N: 3}},
				FileBytes:  1000, UsedBytes: 600, FreePages: 2, PageSize: 200, BodyBytes: 50,
			}, nil
		},
		Incidents: func(context.Context) ([]relay.Incident, error) {
			return []relay.Incident{{Kind: relay.IncidentQuota}, {Kind: relay.IncidentQuota}}, nil
		},
		Lanes: func() []delivery.LaneStatus {
			return []delivery.LaneStatus{
				{Name: "ses", InFlight: 2, Connections: 10, Limited: true, QuotaRemaining: 120},
				{Name: "slow", Reason: delivery.LaneSlow, InFlight: 2, Connections: 1},
				{Name: "old", Reason: delivery.LaneDisabled, Connections: 3},
			}
		},
	}
}

func serve(t *testing.T, o Options) string {
	t.Helper()
	fine := func() error { return nil }
	o.Address, o.Version = "127.0.0.1:0", "1.2.3"
	if o.Alive == nil {
		o.Alive = fine
	}
	if o.Ready == nil {
		o.Ready = fine
	}
	if o.Recorder == nil {
		o.Recorder = NewRecorder(Names{})
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.Start()
	return "http://" + s.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains("\n"+text, "\n"+l+"\n") {
			t.Errorf("there is no line %q", l)
		}
	}
}

func TestState(t *testing.T) {
	status, text := get(t, serve(t, Options{Source: source()})+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	wantLines(t, text,
		`relaykeep_spool_recipients{state="queued",upstream="ses"} 3`,
		`relaykeep_spool_oldest_seconds 0`,
		`relaykeep_spool_bytes{kind="file"} 1000`,
		`relaykeep_spool_bytes{kind="used"} 600`,
		`relaykeep_spool_bytes{kind="free"} 400`,
		`relaykeep_spool_bytes{kind="bodies"} 50`,
		`relaykeep_upstream_up{upstream="ses"} 1`,
		`relaykeep_upstream_up{upstream="slow"} 1`,
		`relaykeep_upstream_up{upstream="old"} 0`,
		`relaykeep_upstream_connections{state="sending",upstream="ses"} 2`,
		`relaykeep_upstream_connections{state="free",upstream="ses"} 8`,
		`relaykeep_upstream_connections{state="free",upstream="slow"} 0`,
		`relaykeep_upstream_quota_remaining{upstream="ses"} 120`,
		`relaykeep_incidents{kind="quota"} 2`,
		`relaykeep_incidents{kind="sender"} 0`,
	)
	if strings.Contains(text, `quota_remaining{upstream="old"}`) {
		t.Error("an upstream without a quota has some left")
	}
	if !strings.Contains(text, `relaykeep_build_info{goversion="go1.`) || !strings.Contains(text, `version="1.2.3"} 1`) {
		t.Error("the build is not told")
	}
}

func TestRecorder(t *testing.T) {
	r := NewRecorder(Names{Listeners: []string{"local", "idle"}, Upstreams: []string{"ses"}, Routes: []string{"otp"}})
	r.Emit(relay.Event{Kind: relay.EventAccepted, Listener: "local"})
	r.Emit(relay.Event{Kind: relay.EventAccepted})
	r.Rejected("local", 550)
	r.Rejected("local", 550)
	r.Rejected("local", 999)
	delivered := relay.Event{
		Kind: relay.EventDelivered, Upstream: "ses", Route: "otp", Total: time.Second, Duration: 20 * time.Millisecond,
		Verdict: relay.Verdict{Stage: relay.StageBody}, Leads: true,
	}
	r.Emit(delivered)
	delivered.Leads = false // another recipient of the same attempt
	r.Emit(delivered)
	r.Emit(relay.Event{Kind: relay.EventHeld, Upstream: "ses", Leads: true, Verdict: relay.Verdict{Stage: relay.StageMail}})
	r.Emit(relay.Event{Kind: relay.EventOperator})
	r.Commit(3, 2*time.Millisecond)

	_, text := get(t, serve(t, Options{Source: source(), Recorder: r})+"/metrics")
	wantLines(t, text,
		`relaykeep_messages_accepted_total{listener="local"} 1`,
		`relaykeep_messages_accepted_total{listener="idle"} 0`,
		`relaykeep_messages_accepted_total{listener="bounce"} 1`,
		`relaykeep_messages_rejected_total{code="550",listener="local"} 2`,
		`relaykeep_messages_rejected_total{code="other",listener="local"} 1`,
		`relaykeep_recipients_total{outcome="delivered",upstream="ses"} 2`,
		`relaykeep_recipients_total{outcome="bounced",upstream="ses"} 0`,
		`relaykeep_attempt_seconds_count{stage="body",upstream="ses"} 1`,
		`relaykeep_attempt_seconds_count{stage="mail",upstream="ses"} 1`,
		`relaykeep_delivery_seconds_count{route="otp"} 2`,
		`relaykeep_delivery_seconds_sum{route="otp"} 2`,
		`relaykeep_commit_seconds_count 1`,
		`relaykeep_commit_batch_sum 3`,
	)
	if strings.Contains(text, `outcome="held"`) {
		t.Error("there is an outcome that the contract does not have")
	}
}

func TestHealth(t *testing.T) {
	base := serve(t, Options{Source: source(), Ready: func() error { return errors.New("the spool is full") }})
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/healthz": {http.StatusOK, "ok\n"},
		"/readyz":  {http.StatusServiceUnavailable, "the spool is full\n"},
	} {
		if status, text := get(t, base+path); status != want.status || text != want.text {
			t.Errorf("%s: %d %q, want %d %q", path, status, text, want.status, want.text)
		}
	}
	if status, _ := get(t, base+"/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("/debug/pprof/ answers %d", status)
	}
}

// A spool that cannot be read takes its own numbers away, not the others.
func TestBrokenSpool(t *testing.T) {
	s := source()
	s.Stats = func(context.Context) (spool.Stats, error) { return spool.Stats{}, spool.ErrFailed }
	s.Incidents = func(context.Context) ([]relay.Incident, error) { return nil, spool.ErrFailed }
	status, text := get(t, serve(t, Options{Source: s})+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	wantLines(t, text, `relaykeep_upstream_up{upstream="ses"} 1`)
	if strings.Contains(text, "\nrelaykeep_spool_") {
		t.Error("there are numbers of a spool that cannot be read")
	}
}

func TestStopWithoutStart(t *testing.T) {
	s, err := New(Options{
		Address: "127.0.0.1:0", Recorder: NewRecorder(Names{}), Source: source(),
		Alive: func() error { return nil }, Ready: func() error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkEmit(b *testing.B) {
	r := NewRecorder(Names{})
	accepted := relay.Event{Kind: relay.EventAccepted, Listener: "local"}
	delivered := relay.Event{
		Kind: relay.EventDelivered, Upstream: "ses", Route: "default", Total: time.Second, Duration: time.Second,
		Verdict: relay.Verdict{Stage: relay.StageBody}, Leads: true,
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Emit(accepted)
		r.Emit(delivered)
	}
}
