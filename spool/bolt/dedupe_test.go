package bolt

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// keyed takes a message in under a key that is remembered until a time.
func keyed(t *testing.T, s *Store, body, key string, until time.Time) error {
	t.Helper()
	d := &spool.Dedupe{Until: until}
	copy(d.Key[:], key)
	return s.Accept(t.Context(), &spool.Incoming{
		Message:    &relay.Message{ID: spool.NewID(), From: "a@example.com", ReceivedAt: time.Now()},
		Recipients: spooltest.Recipients("a", "x@example.com"), Body: strings.NewReader(body), Dedupe: d,
	})
}

// Of a duplicate nothing is left, its chunks that were staged neither.
func TestADuplicateLeavesNothing(t *testing.T) {
	s := openTest(t, Options{})
	until := time.Now().Add(time.Hour)
	if err := keyed(t, s, "small", "key", until); err != nil {
		t.Fatal(err)
	}
	before := countKeys(t, s, bucketBodies)
	for _, body := range []string{"small", strings.Repeat("l", large), strings.Repeat("l", 3*large)} {
		if err := keyed(t, s, body, "key", until); !errors.Is(err, spool.ErrDuplicate) {
			t.Fatalf("%d bytes: %v", len(body), err)
		}
	}
	if n := countKeys(t, s, bucketBodies) - before + countKeys(t, s, bucketStaged); n != 0 {
		t.Errorf("%d chunks and notes are left", n)
	}
	if n := countKeys(t, s, bucketQueue); n != 1 {
		t.Errorf("%d messages are there", n)
	}
}

// What a crash leaves of a duplicate between its last chunk and the decision is
// swept.
func TestADuplicateThatWasCutShortIsSwept(t *testing.T) {
	s := openTest(t, Options{})
	in := &intake{s: s, key: newKey(t)}
	if err := in.takeBody(t.Context(), strings.NewReader(strings.Repeat("l", 2*large))); err != nil {
		t.Fatal(err)
	}
	if countKeys(t, s, bucketStaged) != 1 {
		t.Fatal("it was not staged")
	}
	s = restart(t, s, true)
	if n := countKeys(t, s, bucketBodies) + countKeys(t, s, bucketStaged); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func newKey(t *testing.T) spool.Key {
	t.Helper()
	k, err := spool.KeyOf(spool.NewID())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Keys go when their time is over, in bounded batches, and those that were
// taken over stay for their new time.
func TestKeysArePruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{})
		soon := time.Now().Add(time.Hour)
		for i := range pruneBatch + 10 {
			if err := keyed(t, s, "x", string(binary.BigEndian.AppendUint32(nil, uint32(i))), soon); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour) // of the bubble's clock
		if err := keyed(t, s, "x", "\x00\x00\x00\x01", soon.Add(24*time.Hour)); err != nil {
			t.Fatalf("a key whose time is over: %v", err)
		}
		if n, err := s.forgetBatch(time.Now()); n > pruneBatch || err != nil {
			t.Errorf("a batch of %d, %v", n, err)
		}
		time.Sleep(2 * pruneInterval)
		if k, f := countKeys(t, s, bucketDedupe), countKeys(t, s, bucketForget); k != 1 || f != 1 {
			t.Errorf("%d keys and %d entries are left, want the one that was taken over", k, f)
		}
	})
}

// A key that was looked at for pruning and given a later end before that is
// done stays.
func TestAKeyThatLivesOnIsNotPruned(t *testing.T) {
	s := openTest(t, Options{})
	now := time.Now()
	if err := keyed(t, s, "x", "key", now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	keys, err := s.olderThan(bucketForget, now, pruneBatch, func([]byte) bool { return false })
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if err := keyed(t, s, "x", "key", now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.do(t.Context(), &op{run: func(b *batch) error { return b.forget(keys[0]) }}); err != nil {
		t.Fatal(err)
	}
	if err := keyed(t, s, "x", "key", now.Add(time.Hour)); !errors.Is(err, spool.ErrDuplicate) {
		t.Errorf("it was forgotten: %v", err)
	}
}
