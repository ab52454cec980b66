package daemon_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/spool/bolt"
)

// watcher is an event.Sink.
type watcher chan relay.Event

func (w watcher) Emit(e relay.Event) {
	select {
	case w <- e:
	default:
	}
}

// wait waits for an event of a kind.
func (w watcher) wait(t *testing.T, kind relay.EventKind) relay.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		select {
		case e := <-w:
			if e.Kind == kind {
				return e
			}
		case <-ctx.Done():
			t.Fatalf("no event %s came", kind)
		}
	}
}

// A backup that cannot be made opens an incident, and the next that is made
// closes it, in another process too.
func TestBackupsAreMade(t *testing.T) {
	p := newPlace(t, provider(t).Addr())
	folder := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	events := make(watcher, 100)
	options := p.options(t)
	options.Watch = events
	options.Config.Spool.Backup = &config.Backup{Every: time.Hour, Keep: 2, Folder: folder}

	d := start(t, options)
	opened := events.wait(t, relay.EventIncidentOpened)
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	d = start(t, options)
	closed := events.wait(t, relay.EventIncidentClosed)
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if opened.Incident == 0 || closed.Incident != opened.Incident {
		t.Errorf("opened %+v, closed %+v", opened, closed)
	}
	files, err := filepath.Glob(filepath.Join(folder, "relaykeep-*.db"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	if r, err := bolt.CheckFile(t.Context(), files[0], nil); err != nil || !r.Sound() {
		t.Errorf("%+v %v", r, err)
	}
}
