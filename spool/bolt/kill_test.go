package bolt

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// killedSpool names the spool that TestBounceUntilKilled works on.
const killedSpool = "RELAYKEEP_TEST_KILLED_SPOOL"

// TestKilledWhileItBounces kills a process that bounces mail again and again: a
// bounce is there exactly when its recipients are bounced.
func TestKilledWhileItBounces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "spool.db")
	for range 5 {
		bounceAndKill(t, path, 1+rand.IntN(400))
		s := openTest(t, Options{Path: path})
		spooltest.CheckBounces(t, s, false)
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s := openTest(t, Options{Path: path})
	bounceAll(t, s, io.Discard)
	spooltest.CheckBounces(t, s, true)
}

// bounceAndKill lets a process work until it has settled so many deliveries.
func bounceAndKill(t *testing.T, path string, settlements int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBounceUntilKilled$")
	cmd.Env = append(os.Environ(), killedSpool+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told, err := io.ReadFull(out, make([]byte, settlements))
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil {
		t.Fatalf("it ended after %d settlements: %v", told, err)
	}
}

// TestBounceUntilKilled is the process that TestKilledWhileItBounces kills: it
// does nothing but for that.
func TestBounceUntilKilled(t *testing.T) {
	path := os.Getenv(killedSpool)
	if path == "" {
		return
	}
	s := openTest(t, Options{Path: path})
	var load sync.WaitGroup
	for {
		for range 20 {
			load.Go(func() {
				id := spool.NewID()
				spooltest.Accept(t, s, "x", spooltest.Recipients("a", fmt.Sprint("1@", id), fmt.Sprint("2@", id), fmt.Sprint("3@", id))...)
			})
		}
		load.Wait()
		bounceAll(t, s, os.Stdout)
	}
}

// bounceAll bounces what is due, many at once, gives some of it back on the way,
// and writes a byte for each settlement.
func bounceAll(t *testing.T, s *Store, progress io.Writer) {
	t.Helper()
	s.Open("a", true)
	var turn atomic.Int64
	for {
		due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 16, Recipients: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(due) == 0 {
			spooltest.Sweep(t, s)
			return
		}
		var all sync.WaitGroup
		for _, d := range due {
			all.Go(func() {
				if turn.Add(1)%5 == 0 {
					s.Release(&d)
					return
				}
				if err := s.Settle(t.Context(), &d, spooltest.Bounced(d, relay.Bounced)); err != nil {
					t.Error(err)
				}
				fmt.Fprint(progress, ".")
			})
		}
		all.Wait()
	}
}
