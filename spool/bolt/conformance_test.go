package bolt

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

func TestConformance(t *testing.T) {
	spooltest.Run(t, func(t *testing.T) spooltest.Fixture {
		s := openTest(t, Options{})
		return spooltest.Fixture{Store: s, Restart: func(t *testing.T, crash bool) spool.Store {
			s = restart(t, s, crash)
			return s
		}}
	})
}

// openTest opens a fresh spool and verifies it when the test ends.
func openTest(t *testing.T, opt Options) *Store {
	t.Helper()
	if opt.Path == "" {
		opt.Path = filepath.Join(t.TempDir(), "spool.db")
	}
	opt.NoSync = true
	opt.History, opt.KeepFailed = 7*24*time.Hour, 3*24*time.Hour
	s, err := Open(opt)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	closeVerified(t, s)
	return s
}

func closeVerified(t *testing.T, s *Store) {
	t.Cleanup(func() {
		select {
		case <-s.closing:
			return // a restart took its place
		default:
		}
		if s.Err() == nil {
			if err := s.Verify(context.Background()); err != nil {
				t.Errorf("the spool does not verify: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// restart opens a copy of the file as it is on disk at the moment, as after a
// crash, or the file itself after a proper end.
func restart(t *testing.T, s *Store, crash bool) *Store {
	t.Helper()
	opt := s.opt
	if crash {
		content, err := os.ReadFile(opt.Path)
		if err != nil {
			t.Fatal(err)
		}
		opt.Path = filepath.Join(t.TempDir(), "spool.db")
		if err := os.WriteFile(opt.Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(opt)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	closeVerified(t, again)
	return again
}
