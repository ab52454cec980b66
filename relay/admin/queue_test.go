package admin

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// TestQueue is the conformance suite of a Queue: what a client of the running
// daemon sees is what the spool file of a stopped one shows.
func TestQueue(t *testing.T) {
	for name, open := range map[string]func(*testing.T, Store) Queue{
		"local": func(_ *testing.T, s Store) Queue {
			return NewLocal(s, func() error { return nil })
		},
		"client": func(t *testing.T, s Store) Queue {
			return NewClient(startServer(t, s))
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, ids := filled(t)
			q := open(t, store)
			t.Cleanup(func() {
				if err := q.Close(); err != nil {
					t.Error(err)
				}
			})
			t.Run("list", func(t *testing.T) { testList(t, q, ids) })
			t.Run("list stops", func(t *testing.T) { testListStops(t, q) })
			t.Run("get", func(t *testing.T) { testGet(t, q, store, ids) })
			t.Run("raw", func(t *testing.T) { testRaw(t, q, ids) })
			t.Run("raw of a large body", func(t *testing.T) { testRawLarge(t, q, ids) })
			t.Run("not found", func(t *testing.T) { testNotFound(t, q) })
			t.Run("gone", func(t *testing.T) { testGone(t, q, ids) })
			t.Run("damaged", func(t *testing.T) { testDamaged(t, q, store, ids) })
			t.Run("incidents", func(t *testing.T) { testIncidents(t, q, store) })
			t.Run("stats", func(t *testing.T) { testStats(t, q, store) })
		})
	}
}

// startServer serves a store on a fresh socket until the test ends.
func startServer(t *testing.T, s Store) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	srv, err := New(Options{Socket: socket, Mode: 0o600, Store: s, Version: Version{Version: "1.2.3", Go: "go"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	srv.Start()
	return socket
}

const largeBody = 3 << 20

// filled gives a store with three queued messages, the last one large, and one
// that is delivered.
func filled(t *testing.T) (*spooltest.Memory, []relay.ID) {
	t.Helper()
	ctx, s := context.Background(), spooltest.NewMemory()
	var ids []relay.ID
	for _, text := range []string{"delivered", "one\r\n<&>\x00\xff", "two", strings.Repeat("large\r\n", largeBody/7)} {
		m := relay.Message{ID: spool.NewID(), From: "app@example.com", Subject: "<&>\u2028\xff", ReceivedAt: time.Now(), Listener: "local"}
		to := []relay.Recipient{{Address: "bob@example.net", Route: "default", Eligible: []string{"ses"}, ExpiresAt: time.Now().Add(time.Hour)}}
		if err := s.Accept(ctx, &spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
		if text == "delivered" {
			deliver(t, s)
		}
	}
	return s, ids
}

// deliver settles the one message that is due.
func deliver(t *testing.T, s *spooltest.Memory) {
	t.Helper()
	s.Open("ses", true)
	due, _, err := s.Claim(t.Context(), "ses", spool.Limit{Messages: 1, Recipients: 1})
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	r := due[0].Recipients[0]
	r.State, r.FinishedAt, r.Upstream, r.LastAt = relay.Delivered, time.Now(), "ses", time.Now()
	r.Last = relay.Verdict{Class: relay.ClassDelivered, Code: 250, Text: "Ok"}
	err = s.Settle(t.Context(), &due[0], spool.Settlement{
		Recipients: []relay.Recipient{r},
		Events:     []relay.Event{{Kind: relay.EventDelivered, At: time.Now(), To: r.Address, Upstream: "ses", Attempt: 1, Verdict: r.Last}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testList(t *testing.T, q Queue, ids []relay.ID) {
	for _, tt := range []struct {
		f    spool.Filter
		want []relay.ID
	}{
		{spool.Filter{}, ids[1:]},
		{spool.Filter{AnyState: true}, ids},
		{spool.Filter{States: []relay.State{relay.Delivered}}, ids[:1]},
		{spool.Filter{Limit: 2}, ids[1:3]},
		{spool.Filter{From: "*@nowhere"}, nil},
		{spool.Filter{Before: time.Now().Add(-time.Hour)}, nil},
	} {
		var got []relay.ID
		err := q.List(t.Context(), tt.f, func(m Message) error {
			got = append(got, m.ID)
			if m.Events != nil || m.Body != nil {
				t.Errorf("%s has what only Get gives", m.ID)
			}
			return nil
		})
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%+v: got %v, %v; want %v", tt.f, got, err, tt.want)
		}
	}
}

func testListStops(t *testing.T, q Queue) {
	stop := errors.New("enough")
	n := 0
	err := q.List(t.Context(), spool.Filter{}, func(Message) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("after %d: %v", n, err)
	}
}

func testGet(t *testing.T, q Queue, s Store, ids []relay.ID) {
	for _, id := range ids {
		e, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if want := onTheWire(t, FromEntryInFull(e)); onTheWire(t, got) != want {
			t.Errorf("got\n%s\nwant\n%s", onTheWire(t, got), want)
		}
	}
}

func onTheWire(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	if err := newEncoder(&b).Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func testRaw(t *testing.T, q Queue, ids []relay.ID) {
	body, err := q.Raw(t.Context(), ids[1])
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || string(got) != "one\r\n<&>\x00\xff" {
		t.Errorf("got %q, %v", got, err)
	}
}

func testRawLarge(t *testing.T, q Queue, ids []relay.ID) {
	body, err := q.Raw(t.Context(), ids[3])
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if n, err := io.Copy(io.Discard, body); err != nil || n != largeBody/7*7 {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

func testNotFound(t *testing.T, q Queue) {
	id := spool.NewID()
	if _, err := q.Get(t.Context(), id); !errors.Is(err, spool.ErrNotFound) || !strings.Contains(err.Error(), string(id)) {
		t.Error(err)
	}
	if _, err := q.Raw(t.Context(), id); !errors.Is(err, spool.ErrNotFound) {
		t.Error(err)
	}
}

func testGone(t *testing.T, q Queue, ids []relay.ID) {
	if _, err := q.Raw(t.Context(), ids[0]); !errors.Is(err, ErrGone) || errors.Is(err, spool.ErrNotFound) {
		t.Error(err)
	}
}

func testDamaged(t *testing.T, q Queue, s *spooltest.Memory, ids []relay.ID) {
	s.Damage(ids[2])
	body, err := q.Raw(t.Context(), ids[2])
	if err == nil {
		defer body.Close()
		_, err = io.ReadAll(body)
	}
	if err == nil {
		t.Error("a damaged body reads to its end")
	}
}

func testIncidents(t *testing.T, q Queue, s *spooltest.Memory) {
	if none, err := q.Incidents(t.Context(), true); err != nil || len(none) != 0 {
		t.Errorf("before any: %+v, %v", none, err)
	}
	for _, cause := range []string{"one", "two"} {
		if _, _, err := s.OpenIncident(t.Context(), relay.Incident{Cause: cause, Kind: relay.IncidentMessage, Detail: cause + " <&>\xff", OpenedAt: moment(0)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CloseIncident(t.Context(), 1, "root"); err != nil {
		t.Fatal(err)
	}
	stored, err := s.Incidents(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	one, two := onTheWire(t, FromIncident(stored[0])), onTheWire(t, FromIncident(stored[1]))
	for all, want := range map[bool]string{false: two, true: one + two} {
		found, err := q.Incidents(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, i := range found {
			got.WriteString(onTheWire(t, i))
		}
		if got.String() != want {
			t.Errorf("all %v: got\n%s\nwant\n%s", all, got.String(), want)
		}
	}
	if got, err := q.Incident(t.Context(), 1); err != nil || onTheWire(t, got) != one {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := q.Incident(t.Context(), 3); !errors.Is(err, spool.ErrNotFound) || err.Error() != "there is no incident 3" {
		t.Error(err)
	}
}

func testStats(t *testing.T, q Queue, s Store) {
	want, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if onTheWire(t, got) != onTheWire(t, FromStats(want)) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
