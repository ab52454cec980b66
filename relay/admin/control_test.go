package admin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// lanes is a Control over two upstreams, and the Sink beside it.
type lanes struct {
	*spooltest.Memory
	mu     sync.Mutex
	paused map[string]string // by whom
	events []relay.Event

	verdict relay.Verdict // of a probe
	err     error         // of everything

	resolving chan struct{}   // closed when a Resolve has begun; nil: none waits
	seen      context.Context // of that Resolve
}

func newLanes(t *testing.T) *lanes {
	s := spooltest.NewMemory()
	for _, i := range []relay.Incident{
		{Cause: "a", Kind: relay.IncidentUpstream, Upstream: "ses", Detail: "the login is refused", OpenedAt: moment(0)},
		{Cause: "b", Kind: relay.IncidentRoute, Detail: "no route", OpenedAt: moment(1)},
	} {
		if _, _, err := s.OpenIncident(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	return &lanes{Memory: s, paused: make(map[string]string)}
}

func (l *lanes) Upstreams() []Upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Upstream
	for _, name := range []string{"ses", "back up/2"} {
		u := Upstream{Name: name, State: UpstreamUp, Breaker: "closed", Connections: 10}
		if by := l.paused[name]; by != "" {
			u.State, u.PausedBy = UpstreamPaused, by
		}
		all = append(all, u)
	}
	return all
}

func (l *lanes) Pause(_ context.Context, name, by string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused[name] = by
	return l.err
}

func (l *lanes) Resume(_ context.Context, name, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.paused, name)
	return l.err
}

func (l *lanes) Probe(ctx context.Context, _ string) (relay.Verdict, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return relay.Verdict{}, errors.New("a probe without end")
	}
	return l.verdict, l.err
}

func (l *lanes) Resolve(ctx context.Context, number int64, by string) (relay.Incident, int, error) {
	if l.resolving != nil {
		l.seen = ctx
		close(l.resolving)
		<-ctx.Done()
		return relay.Incident{}, 0, ctx.Err()
	}
	i, err := l.CloseIncident(ctx, number, by)
	if err = errors.Join(err, l.err); err != nil {
		return relay.Incident{}, 0, err
	}
	return i, 7, nil
}

func (l *lanes) Emit(e relay.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// told gives the events since the last call.
func (l *lanes) told() []relay.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.events = nil }()
	return l.events
}

func startControl(t *testing.T, l *lanes) (*Client, *Server) {
	t.Helper()
	srv, err := New(Options{Socket: filepath.Join(t.TempDir(), "s"), Mode: 0o600, Store: l, Control: l, Sink: l})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	c := NewClient(srv.Addr().String())
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), srv.Stop(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return c, srv
}

// wantTold checks the one event that tells of what the test itself did.
func wantTold(t *testing.T, l *lanes, upstream string, incident int64, detail string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	told := l.told()
	if len(told) != 1 {
		t.Fatalf("%d events: %+v", len(told), told)
	}
	e, want := told[0], fmt.Sprintf("%s (uid %d, pid %d) %s", me.Username, os.Getuid(), os.Getpid(), detail)
	if e.Kind != relay.EventOperator || e.At.IsZero() || e.User != me.Username || e.Upstream != upstream || e.Incident != incident || e.Detail != want {
		t.Errorf("got %+v, want %q", e, want)
	}
}

func TestPauseAndResume(t *testing.T) {
	l := newLanes(t)
	c, _ := startControl(t, l)
	const name = "back up/2"
	for _, tt := range []struct {
		do      func(context.Context, string) (Change, error)
		changed bool
		state   UpstreamState
		detail  string
	}{
		{c.Resume, false, UpstreamUp, ""},
		{c.Pause, true, UpstreamPaused, "paused " + name},
		{c.Pause, false, UpstreamPaused, ""},
		{c.Resume, true, UpstreamUp, "resumed " + name},
	} {
		got, err := tt.do(t.Context(), name)
		if err != nil || got.Changed != tt.changed || got.Upstream.Name != name || got.Upstream.State != tt.state {
			t.Fatalf("%s: %+v, %v", tt.detail, got, err)
		}
		if tt.changed {
			wantTold(t, l, name, 0, tt.detail)
		}
	}
	if told := l.told(); len(told) > 0 {
		t.Errorf("told of what was no change: %+v", told)
	}
	all, err := c.Upstreams(t.Context())
	if err != nil || len(all) != 2 || all[1].Name != name {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestProbe(t *testing.T) {
	l := newLanes(t)
	c, _ := startControl(t, l)
	for _, tt := range []struct {
		verdict relay.Verdict
		ok      bool
		detail  string
	}{
		{relay.Verdict{Class: relay.ClassDelivered, Stage: relay.StageAuth}, true, "probed ses: it works"},
		{relay.Verdict{Class: relay.ClassRejected, Stage: relay.StageAuth, Code: 535}, false, "probed ses: it fails"},
	} {
		l.verdict = tt.verdict
		got, err := c.Probe(t.Context(), "ses")
		if err != nil || got != (ProbeResult{"ses", tt.ok, FromVerdict(tt.verdict)}) {
			t.Errorf("%+v, %v", got, err)
		}
		wantTold(t, l, "ses", 0, tt.detail)
	}
}

func TestResolve(t *testing.T) {
	l := newLanes(t)
	c, _ := startControl(t, l)
	got, err := c.Resolve(t.Context(), 1)
	if err != nil || got.Released != 7 || got.Incident.Number != 1 || got.Incident.Open || got.Incident.ClosedBy == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	wantTold(t, l, "ses", 1, "resolved incident 1, which released 7")
	if again, err := c.Resolve(t.Context(), 1); err == nil || !strings.HasPrefix(err.Error(), "incident 1 is closed already, by ") {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := c.Resolve(t.Context(), 9); !errors.Is(err, spool.ErrNotFound) || err.Error() != "there is no incident 9" {
		t.Error(err)
	}
	if told := l.told(); len(told) > 0 {
		t.Errorf("told of what was no change: %+v", told)
	}
}

// What a client has begun goes on without it, until the server stops.
func TestResolveOutlivesItsClient(t *testing.T) {
	l := newLanes(t)
	l.resolving = make(chan struct{})
	c, srv := startControl(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.Resolve(ctx, 1)
		done <- err
	}()
	<-l.resolving
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if l.seen.Err() != nil {
		t.Error("it was broken off with its client")
	}
	_ = srv.Stop(ctx) // whose time is over
	<-l.seen.Done()
}

func TestControlFails(t *testing.T) {
	l := newLanes(t)
	l.err = errors.New("disk gone")
	c, _ := startControl(t, l)
	for name, do := range map[string]func() error{
		"pause":   func() error { _, err := c.Pause(t.Context(), "ses"); return err },
		"probe":   func() error { _, err := c.Probe(t.Context(), "ses"); return err },
		"resolve": func() error { _, err := c.Resolve(t.Context(), 1); return err },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "disk gone") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestControlAnswers(t *testing.T) {
	l := newLanes(t)
	_, srv := startControl(t, l)
	without := startServer(t, l)
	for _, tt := range []struct {
		method, target string
		status         int
		body           string // what the body begins with
	}{
		{"GET", "/v1/upstreams", 200, `{"name":"ses",`},
		{"GET", "/v1/incidents", 200, `{"id":1,`},
		{"GET", "/v1/incidents?all=1", 200, `{"id":1,`},
		{"GET", "/v1/incidents/2", 200, `{"id":2,"open":true,"kind":"route",`},
		{"POST", "/v1/upstreams/ses/pause", 200, `{"changed":true,"upstream":{"name":"ses","state":"paused"`},
		{"POST", "/v1/upstreams/back%20up%2F2/resume", 200, `{"changed":false,`},
		{"POST", "/v1/upstreams/gone/pause", 404, `{"error":"there is no upstream \"gone\"; there are ses, back up/2"}`},
		{"POST", "/v1/upstreams/gone/probe", 404, `{"error":"there is no upstream \"gone\"; `},
		{"POST", "/v1/upstreams/ses/explode", 404, `{"error":"there is nothing here`},
		{"GET", "/v1/incidents?all=yes", 400, `{"error":"all \"yes\" is neither 0 nor 1"}`},
		{"GET", "/v1/incidents/0", 400, `{"error":"\"0\" is no number of an incident; `},
		{"GET", "/v1/incidents/99", 404, `{"error":"there is no incident 99"}`},
		{"POST", "/v1/incidents/x/resolve", 400, `{"error":"\"x\" is no number of an incident; `},
		{"POST", "/v1/incidents/99999999999999999999/resolve", 400, `{"error":"`},
		{"GET", "/v1/incidents/1/resolve", 405, `{"error":"wrong method; allowed here: POST"}`},
		{"GET", "/v1/upstreams/ses/pause", 405, `{"error":"wrong method; allowed here: POST"}`},
		{"POST", "/v1/upstreams", 405, `{"error":"wrong method; allowed here: GET, HEAD"}`},
	} {
		if status, _, body := ask(t, srv.Addr().String(), tt.method, tt.target); status != tt.status || !strings.HasPrefix(body, tt.body) {
			t.Errorf("%s %s: %d %s", tt.method, tt.target, status, body)
		}
	}
	if status, _, body := ask(t, without, "GET", "/v1/upstreams"); status != 404 {
		t.Errorf("without control: %d %s", status, body)
	}
}

func sampleUpstream() Upstream {
	left := int64(120)
	return Upstream{
		Name: "ses", State: UpstreamDisabled, Reason: "535 5.7.8 no such user", Until: Time{moment(5)},
		Incident: 3, Breaker: "open", InFlight: 2, Connections: 5, Rate: "14/s", QuotaRemaining: &left,
		Last: &Verdict{Stage: relay.StageAuth, Code: 535, Enhanced: "5.7.8", Text: "no such user", Class: relay.ClassRejected, Scope: relay.ScopeUpstream, Rule: "login-refused", Action: relay.ActionDisable},
	}
}

func sampleIncident() relay.Incident {
	return relay.Incident{
		Number: 3, Cause: "auth ses", Kind: relay.IncidentUpstream, Upstream: "ses", Detail: "ses is not used until a probe works",
		Verdict:  relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeUpstream, Action: relay.ActionDisable, Stage: relay.StageAuth, Code: 535, Enhanced: "5.7.8", Text: "no such user", Rule: "login-refused"},
		OpenedAt: moment(0), Times: 2, Held: 1200,
	}
}

func closedIncident() relay.Incident {
	i := sampleIncident()
	i.Verdict, i.ClosedAt, i.ClosedBy, i.Held = relay.Verdict{}, moment(9), "root", 0
	return i
}

var _ Control = (*lanes)(nil)
