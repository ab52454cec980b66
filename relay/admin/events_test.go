package admin

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool/spooltest"
)

// watchable starts a server that tells these events.
func watchable(t *testing.T, events *Events) (srv *Server, socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	srv, err := New(Options{Socket: socket, Mode: 0o600, Store: spooltest.NewMemory(), Events: events})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop(context.Background()) })
	srv.Start()
	return srv, socket
}

// watched starts a server and somebody who watches it.
func watched(t *testing.T, fn func(LiveEvent) error) (events *Events, ended chan error) {
	t.Helper()
	events = &Events{}
	_, socket := watchable(t, events)
	client := NewClient(socket)
	t.Cleanup(func() { client.Close() })
	begun := make(chan struct{})
	ended = make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { ended <- client.Watch(ctx, func() { close(begun) }, fn) }()
	<-begun
	return events, ended
}

func TestWatch(t *testing.T) {
	enough := errors.New("enough")
	var got []LiveEvent
	events, ended := watched(t, func(e LiveEvent) error {
		if got = append(got, e); len(got) == 2 {
			return enough
		}
		return nil
	})
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	events.Emit(relay.Event{Kind: relay.EventAccepted, At: at, Message: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", To: "bob@example.net", Others: 1})
	events.Emit(relay.Event{Kind: relay.EventUpstreamDown, At: at, Upstream: "ses"})
	if err := <-ended; !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if got[0].Message != "01JX3Z5K8Q6W7RT2V9B4M0NCDE" || got[0].From == nil || *got[0].From != "" || got[0].Others != 1 {
		t.Errorf("got %+v", got[0])
	}
	if got[1].Event.Event != relay.EventUpstreamDown || got[1].From != nil || got[1].Upstream != "ses" {
		t.Errorf("got %+v", got[1])
	}
}

// Who does not read is dropped, and told so; who emits never waits.
func TestASlowWatcherIsDropped(t *testing.T) {
	release := make(chan struct{})
	events, ended := watched(t, func(LiveEvent) error { <-release; return nil })
	e := relay.Event{Kind: relay.EventAttempt, Detail: strings.Repeat("x", 1000)}
	for watching := 1; watching > 0; {
		events.Emit(e)
		events.mu.Lock()
		watching = len(events.watchers)
		events.mu.Unlock()
	}
	close(release)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "faster than they were read") {
		t.Errorf("ended with %v", err)
	}
}

func TestWatchersAreFew(t *testing.T) {
	var s Events
	var all []*watcher
	for range maxWatchers {
		w, err := s.join()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	if _, err := s.join(); !errors.Is(err, errManyWatch) {
		t.Errorf("one too many: %v", err)
	}
	for _, w := range slices.Backward(all) {
		s.leave(w)
	}
	s.Emit(relay.Event{})
}

// A stopping server ends the watching and waits for nobody.
func TestWatchEndsWithTheServer(t *testing.T) {
	events := &Events{}
	server, socket := watchable(t, events)
	client := NewClient(socket)
	defer client.Close()
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- client.Watch(t.Context(), func() { close(begun) }, func(LiveEvent) error { return nil })
	}()
	<-begun
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
