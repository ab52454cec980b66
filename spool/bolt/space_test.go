package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

func tryAccept(t *testing.T, s *Store, size int) error {
	t.Helper()
	m := relay.Message{ID: spool.NewID(), ReceivedAt: time.Now()}
	return s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "x@example.com"), Body: strings.NewReader(strings.Repeat("x", size))})
}

// deliverAll gives everything that is due for lane a the state.
func deliverAll(t *testing.T, s *Store, state relay.State) {
	t.Helper()
	s.Open("a", true)
	for {
		due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 100, Recipients: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
		for _, d := range due {
			to := d.Recipients
			for i := range to {
				to[i].State, to[i].FinishedAt = state, time.Now().UTC()
			}
			events := []relay.Event{{Kind: relay.EventDelivered, At: time.Now(), To: to[0].Address}}
			if err := s.Settle(t.Context(), &d, spool.Settlement{Recipients: to, Events: events}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTheSizeLimitStopsAcceptOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{MaxSize: 3 << 20})
		n := 0
		var err error
		for ; err == nil && n < 100; n++ {
			err = tryAccept(t, s, 100_000)
		}
		if !errors.Is(err, spool.ErrFull) || n < 15 {
			t.Fatalf("after %d messages: %v", n, err)
		}
		deliverAll(t, s, relay.Delivered)
		if err := tryAccept(t, s, 100_000); err != nil {
			t.Errorf("with everything delivered: %v", err)
		}
	})
}

func TestALargeBodyMeetsTheLimitOnItsWay(t *testing.T) {
	s := openTest(t, Options{MaxSize: 3 << 20})
	if err := tryAccept(t, s, 20<<20); !errors.Is(err, spool.ErrFull) {
		t.Errorf("%v", err)
	}
	if n := countKeys(t, s, bucketBodies); n != 0 {
		t.Errorf("%d chunks are left of it", n)
	}
}

func TestTheDiskReserveStopsAccept(t *testing.T) {
	s := openTest(t, Options{MinFreeDisk: 1 << 60})
	err := tryAccept(t, s, 10)
	if !errors.Is(err, spool.ErrFull) || !strings.Contains(err.Error(), "min_free_disk") {
		t.Errorf("%v", err)
	}
}

// A spool that has filled its disk takes mail again once its own file, which
// does not shrink, has room.
func TestAFileWithRoomInItTakesMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{MinFreeDisk: 4 << 20})
		for range 80 {
			if err := tryAccept(t, s, 100_000); err != nil {
				t.Fatal(err)
			}
		}
		s.space.disk = func(string) (int64, error) { return minBallast, nil }
		if err := tryAccept(t, s, 10); !errors.Is(err, spool.ErrFull) {
			t.Errorf("below the reserve: %v", err)
		}
		if err := s.space.letGo(); err != nil {
			t.Fatal(err)
		}
		deliverAll(t, s, relay.Delivered)
		if err := s.space.restore(); err != nil {
			t.Fatal(err)
		}
		if err := tryAccept(t, s, 10); err != nil {
			t.Errorf("with everything delivered: %v", err)
		}
	})
}

func TestTheBallastIsLaidDownAndLetGo(t *testing.T) {
	s := openTest(t, Options{})
	info, err := os.Stat(s.space.ballast)
	if err != nil || info.Size() != minBallast {
		t.Fatalf("%v %v", info, err)
	}
	free := int64(0)
	s.space.disk = func(string) (int64, error) { return free, nil }
	if err := s.space.letGo(); err != nil {
		t.Fatal(err)
	}
	if err := tryAccept(t, s, 10); !errors.Is(err, spool.ErrFull) {
		t.Errorf("without ballast: %v", err)
	}
	free = 1 << 30
	if err := tryAccept(t, s, 10); err != nil {
		t.Errorf("with room for it again: %v", err)
	}
	if info, err := os.Stat(s.space.ballast); err != nil || info.Size() != minBallast {
		t.Errorf("it does not lie there again: %v %v", info, err)
	}
}

func TestTheHistoryIsPruned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{})
		for range 2*pruneBatch + 10 {
			spooltest.Accept(t, s, "x", spooltest.Recipients("a", "x@example.com")...)
		}
		deliverAll(t, s, relay.Delivered)
		spooltest.Accept(t, s, "failed", spooltest.Recipients("a", "x@example.com")...)
		deliverAll(t, s, relay.Bounced)
		waiting := spooltest.Accept(t, s, "waits", spooltest.Recipients("b", "x@example.com")...)
		want := func(history int64, bodies int) {
			t.Helper()
			synctest.Wait()
			st, err := s.Stats(t.Context())
			if err != nil || st.History != history || st.Messages != 1 {
				t.Errorf("stats %+v %v, want %d in the history", st, err, history)
			}
			if n := countKeys(t, s, bucketBodies); n != bodies {
				t.Errorf("%d bodies, want %d", n, bodies)
			}
		}
		all := 2*pruneBatch + 11
		want(int64(all), 2)
		time.Sleep(s.opt.KeepFailed + 2*pruneInterval) // of the bubble's clock
		want(int64(all), 1)
		time.Sleep(s.opt.History - s.opt.KeepFailed)
		want(0, 1)
		if _, err := s.Get(t.Context(), waiting.ID); err != nil {
			t.Errorf("what waits is gone: %v", err)
		}
	})
}

func TestACrowdedSpoolPrunesEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{MaxSize: 8 << 20})
		for range 60 {
			if err := tryAccept(t, s, 100_000); err != nil {
				t.Fatal(err)
			}
		}
		deliverAll(t, s, relay.Bounced) // so that the bodies are kept
		for range 60 {
			if err := tryAccept(t, s, 100_000); err != nil {
				t.Fatalf("kept bodies and history caused %v", err)
			}
			synctest.Wait() // until what was asked to make room has done so
		}
	})
}

// A guest may be another user than the daemon: he leaves no file behind, and the
// ballast that lies there as it is.
func TestGuestLaysNoBallast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	for _, laid := range []bool{true, false} {
		if err := openTest(t, Options{Path: path, MinFreeDisk: 1 << 20}).Close(); err != nil {
			t.Fatal(err)
		}
		if !laid {
			if err := os.Remove(path + ".ballast"); err != nil {
				t.Fatal(err)
			}
		}
		s := openTest(t, Options{Path: path, MinFreeDisk: 64 << 20, Guest: true})
		if s.space.laid.Load() != laid {
			t.Errorf("laid: %v, want %v", !laid, laid)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path + ".ballast")
		if (err == nil) != laid || laid && info.Size() != minBallast {
			t.Errorf("ballast: %v %v", info, err)
		}
	}
}
