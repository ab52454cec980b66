package logsink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"relaykeep/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logTo makes a logger as the daemon does.
func logTo(w io.Writer) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{JSONFormat: true, Output: w, Level: hclog.Info, JSONEscapeDisabled: true})
}

// linesOf gives the lines that events make, which are the same whether hclog
// makes their JSON or the sink does.
func linesOf(t testing.TB, o Options, events ...relay.Event) []string {
	t.Helper()
	var byLogger, own bytes.Buffer
	o.Logger = logTo(&byLogger)
	emit(t, New(o), events)
	o.JSON = &own
	emit(t, New(o), events)
	if own.String() != byLogger.String() {
		t.Fatalf("the sink writes\n%swhere hclog writes\n%s", &own, &byLogger)
	}
	return slices.DeleteFunc(strings.Split(own.String(), "\n"), func(l string) bool { return l == "" })
}

func emit(t testing.TB, s *Sink, events []relay.Event) {
	t.Helper()
	for _, e := range events {
		s.Emit(e)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// examples has an event of each kind.
func examples() []relay.Event {
	at := time.Date(2026, 11, 24, 12, 0, 0, 123456000, time.FixedZone("CET", 3600))
	base := relay.Event{
		At: at, Message: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", MessageID: "<1@app.example>",
		From: "john@app.example", To: "jane.doe@example.com", Size: 12345,
	}
	of := func(kind relay.EventKind, change func(*relay.Event)) relay.Event {
		e := base
		e.Kind = kind
		change(&e)
		return e
	}
	attempt := func(v relay.Verdict) func(*relay.Event) {
		return func(e *relay.Event) {
			e.Upstream, e.Attempt, e.Verdict = "ses", 2, v
			e.Duration, e.Total = 1234567*time.Microsecond, 90*time.Second
			if v.Class == relay.ClassDeferred || v.Class == relay.ClassUnknown {
				e.NextAttempt = at.Add(time.Minute)
			}
		}
	}
	delivered := relay.Verdict{Class: relay.ClassDelivered, Action: relay.ActionDone, Stage: relay.StageBody, Code: 250, Enhanced: "2.0.0", Text: "Ok 0102", RemoteID: "0102", Rule: "delivered"}
	busy := relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeRecipient, Action: relay.ActionRetry, Stage: relay.StageRcpt, Code: 450, Enhanced: "4.2.1", Text: "<jane.doe@example.com>: greylisted", Rule: "temporary"}
	gone := relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeRecipient, Action: relay.ActionBounce, Stage: relay.StageRcpt, Code: 550, Enhanced: "5.1.1", Text: "<jane.doe@example.com> unknown", Rule: "bad-recipient"}
	dial := relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionFailover, Stage: relay.StageDial, Text: "connection refused", Rule: "network", Free: true}
	lost := relay.Verdict{Class: relay.ClassUnknown, Scope: relay.ScopeUpstream, Action: relay.ActionRetry, Stage: relay.StageBody, Text: "connection lost", Rule: "unknown"}
	client := func(e *relay.Event) {
		e.Listener, e.Client, e.User, e.Others = "local", "127.0.0.1", "app@example.com", 3
	}
	detail := func(text string) func(*relay.Event) { return func(e *relay.Event) { e.Detail = text } }
	bare := func(kind relay.EventKind, e relay.Event) relay.Event {
		e.Kind, e.At = kind, at
		return e
	}
	return []relay.Event{
		of(relay.EventAccepted, client),
		bare(relay.EventRejected, relay.Event{Listener: "local", Client: "192.0.2.1", From: "x@y.example", Verdict: relay.Verdict{Code: 550, Enhanced: "5.7.1", Text: "relaying denied"}}),
		of(relay.EventRepaired, detail("bare newlines")),
		of(relay.EventDelivered, attempt(delivered)),
		of(relay.EventDeferred, attempt(busy)),
		of(relay.EventFailover, attempt(dial)),
		of(relay.EventBounced, attempt(gone)),
		of(relay.EventExpired, detail("its time is over")),
		of(relay.EventHeld, detail("ses refuses it: 554 jane.doe@example.com is not verified")),
		of(relay.EventReleased, detail("")),
		of(relay.EventDeleted, detail("")),
		of(relay.EventRedirected, detail("to ops@example.com")),
		of(relay.EventInDoubt, attempt(lost)),
		bare(relay.EventUpstreamDown, relay.Event{Upstream: "ses", Verdict: dial}),
		bare(relay.EventUpstreamUp, relay.Event{Upstream: "ses"}),
		bare(relay.EventIncidentOpened, relay.Event{Upstream: "ses", Incident: 7, Detail: "bad credentials"}),
		bare(relay.EventIncidentClosed, relay.Event{Upstream: "ses"}),
		bare(relay.EventOperator, relay.Event{User: "root", Detail: "retried 3 recipients"}),
		bare(relay.EventReloaded, relay.Event{}),
		of(relay.EventDelivered, func(e *relay.Event) { attempt(delivered)(e); e.From = "" }),
	}
}

func TestGolden(t *testing.T) {
	for name, mode := range map[string]Mode{"full": Full, "partial": Partial, "hash": Hash} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", name+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			wantLines := strings.Split(strings.TrimSpace(string(want)), "\n")
			got := linesOf(t, Options{Addresses: mode}, examples()...)
			for i := range max(len(got), len(wantLines)) {
				if i >= len(got) || i >= len(wantLines) || got[i] != wantLines[i] {
					t.Fatalf("line %d\n got %s\nwant %s", i+1, at(got, i), at(wantLines, i))
				}
			}
		})
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(none)"
}

func TestAttemptIsForDebugging(t *testing.T) {
	if got := linesOf(t, Options{}, relay.Event{Kind: relay.EventAttempt}); len(got) != 0 {
		t.Errorf("got %q at level info", got)
	}
}

// FuzzOneLine: whatever strangers say, an event is one line of JSON without a
// character that a terminal would act on.
func FuzzOneLine(f *testing.F) {
	f.Add("ok", "a@b.example")
	f.Add("250 ok\r\n{\"event\":\"delivered\"}", "a\x00@b")
	f.Add("\x1b[2J\x9b31m \xff\xfe", "\u202egpj.exe@b")
	f.Add("\u2028\u2029\u0085", `"a b"@c`)
	f.Add(strings.Repeat("é", 5000), "@@@")
	f.Fuzz(func(t *testing.T, text, address string) {
		for _, mode := range []Mode{Full, Partial, Hash} {
			lines := linesOf(t, Options{Addresses: mode}, relay.Event{
				Kind: relay.EventDeferred, Message: "x", MessageID: text, From: address, To: address,
				Client: text, User: text, Listener: text, Upstream: text, Detail: text + " " + address,
				Verdict: relay.Verdict{Text: text + " " + address, Enhanced: text, RemoteID: text, Rule: text},
			})
			if len(lines) != 1 || !json.Valid([]byte(lines[0])) {
				t.Fatalf("lines %q", lines)
			}
			for _, r := range lines[0] {
				if isHidden(r) || r == '\ufffd' && !strings.ContainsRune(text+address, r) {
					t.Fatalf("%q in %q", r, lines[0])
				}
			}
			if len(lines[0]) > 200_000 {
				t.Fatalf("a line of %d bytes", len(lines[0]))
			}
		}
	})
}

// stalling is a log reader that does not read while it is locked.
type stalling struct {
	sync.Mutex
	bytes.Buffer
}

func (s *stalling) Write(p []byte) (int, error) {
	s.Lock()
	defer s.Unlock()
	return s.Buffer.Write(p)
}

func TestStalledReaderStallsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe()
		s := New(Options{Logger: logTo(write), JSON: write, Queue: 10})
		s.Emit(relay.Event{Kind: relay.EventReloaded})
		synctest.Wait() // it hangs in the write
		for range 1000 {
			s.Emit(relay.Event{Kind: relay.EventReloaded})
		}
		lines := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(read)
			lines <- string(b)
		}()
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		write.Close()
		got := <-lines
		if told := strings.Count(got, "log lines were dropped"); told != 1 || !strings.Contains(got, `"lost":990`) {
			t.Errorf("the loss was told %d times, want once, of 990:\n%s", told, got)
		}
	})
}

func TestCloseGivesUpOnAStalledReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe()
		s := New(Options{Logger: logTo(write), JSON: write})
		s.Emit(relay.Event{Kind: relay.EventReloaded})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want the deadline", err)
		}
		read.Close()
	})
}

// counting is a log reader that counts the writes.
type counting struct {
	stalling
	writes int
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.stalling.Write(p)
	c.writes++
	return n, err
}

// A line does not wait for the next event, and those that wait for the reader go
// out together.
func TestLinesGoOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out counting
		s := New(Options{Logger: logTo(&out), JSON: &out})
		lines := func(want, writes int) {
			t.Helper()
			synctest.Wait()
			if got := strings.Count(out.String(), "\n"); got != want || out.writes != writes {
				t.Errorf("%d lines in %d writes, want %d in %d", got, out.writes, want, writes)
			}
		}
		s.Emit(relay.Event{Kind: relay.EventReloaded})
		lines(1, 1)
		s.Emit(relay.Event{Kind: relay.EventAttempt}) // is not written at this level
		lines(1, 1)
		out.Lock()
		for range 10 {
			s.Emit(relay.Event{Kind: relay.EventReloaded})
		}
		s.Emit(relay.Event{Kind: relay.EventAttempt}) // is the last, and holds nothing back
		out.Unlock()
		synctest.Wait()
		if got := strings.Count(out.String(), "\n"); got != 11 || out.writes > 3 {
			t.Errorf("%d lines in %d writes, want 11 in three at most", got, out.writes)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// Addresses may be written in another way from one event to the next.
func TestSetAddresses(t *testing.T) {
	var b bytes.Buffer
	s := New(Options{Logger: logTo(&b)})
	e := relay.Event{Kind: relay.EventAccepted, Message: "m", From: "john@example.com"}
	s.Emit(e)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.SetAddresses(Full)
	s.write(e, false)
	if got := b.String(); strings.Count(got, `"from":"j***@example.com"`) != 1 || strings.Count(got, `"from":"john@example.com"`) != 1 {
		t.Error(got)
	}
}

func BenchmarkLine(b *testing.B) {
	e := examples()[3]
	for _, mode := range []struct {
		name string
		Mode
	}{{"full", Full}, {"partial", Partial}, {"hash", Hash}} {
		b.Run(mode.name, func(b *testing.B) {
			w := writer{log: logTo(io.Discard), out: io.Discard, mask: masker{mode: mode.Mode}}
			b.ReportAllocs()
			for b.Loop() {
				w.write(e, false)
			}
		})
	}
	b.Run("hclog", func(b *testing.B) {
		w := writer{log: logTo(io.Discard), mask: masker{mode: Partial}}
		b.ReportAllocs()
		for b.Loop() {
			w.write(e, false)
		}
	})
}
