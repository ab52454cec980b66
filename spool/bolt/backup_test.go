package bolt

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// What is copied while mail comes and goes is a sound spool, and holds what was
// there when the copy began.
func TestBackupUnderLoad(t *testing.T) {
	s := openTest(t, Options{})
	first := spooltest.Accept(t, s, strings.Repeat("first", 50_000), spooltest.Recipients("a", "x@example.com")...)
	done := make(chan struct{})
	var writers sync.WaitGroup
	defer func() { close(done); writers.Wait() }()
	for range 4 {
		writers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				m := relay.Message{ID: spool.NewID()}
				in := &spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "y@example.com"), Body: strings.NewReader(strings.Repeat("b", 30_000))}
				if err := s.Accept(context.Background(), in); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 5 {
		path := filepath.Join(t.TempDir(), "copy.db")
		backupTo(t, s, path)
		again, err := Open(Options{Path: path, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		closeVerified(t, again)
		if e, err := again.Get(t.Context(), first.ID); err != nil || !e.HasBody {
			t.Errorf("%+v %v", e, err)
		}
	}
}

func backupTo(t *testing.T, s *Store, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	err = errors.Join(s.Backup(t.Context(), f, func(n int64) { size = n }), f.Close())
	if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Size() != size {
		t.Fatalf("%v %v, %d bytes told", err, info, size)
	}
}

func TestABackupEndsWithItsContext(t *testing.T) {
	s := openTest(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Backup(ctx, io.Discard, func(int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
