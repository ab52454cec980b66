package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// change writes to the file behind the back of the store.
func change(t *testing.T, s *Store, fn func(*bbolt.Tx) error) {
	t.Helper()
	if err := s.do(t.Context(), &op{run: func(b *batch) error { return fn(b.tx) }}); err != nil {
		t.Fatal(err)
	}
}

// openUnsound opens a spool that does not verify when the test ends.
func openUnsound(t *testing.T) *Store {
	t.Helper()
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "spool.db"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A message whose mark cannot be read may have been sent: it is in doubt, and not
// simply due again.
func TestAMarkThatCannotBeReadIsADoubt(t *testing.T) {
	s := openTest(t, Options{})
	s.Open("a", true)
	m := spooltest.Accept(t, s, "body", spooltest.Recipients("a,b", "x@example.com", "y@example.com")...)
	d := claimOne(t, s, "a")
	if err := s.Mark(&d, []int{0}, nil)(); err != nil {
		t.Fatal(err)
	}
	change(t, s, func(tx *bbolt.Tx) error {
		marks := tx.Bucket([]byte(bucketMarks))
		k, _ := marks.Cursor().First()
		return marks.Put(bytes.Clone(k), []byte("rubbish"))
	})
	s = restart(t, s, true)
	s.Open("a", true)
	doubts, err := s.Doubts(t.Context())
	if err != nil || len(doubts) != 1 {
		t.Fatalf("%d doubts, %v", len(doubts), err)
	}
	if got := doubts[0]; got.Message.ID != m.ID || got.Lane != "a" || len(got.Recipients) != 2 {
		t.Errorf("%+v", got)
	}
	if due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 2}); err != nil || len(due) != 0 {
		t.Errorf("claimed %+v, %v", due, err)
	}
	if err := s.Settle(t.Context(), &doubts[0], spool.Settlement{Recipients: doubts[0].Recipients}); err != nil {
		t.Fatal(err)
	}
	if n := countKeys(t, s, bucketMarks); n != 0 {
		t.Errorf("%d marks are left", n)
	}
}

// An entry of the due index that does not fit its record stops nobody else from
// being rerouted.
func TestRerouteLeavesAnEntryThatDoesNotFit(t *testing.T) {
	s := openUnsound(t)
	s.UseTable("monday")
	s.Open("a", true)
	odd := spooltest.Accept(t, s, "x", spooltest.Recipients("a", "x@example.com")...)
	sound := spooltest.Accept(t, s, "x", spooltest.Recipients("a", "x@example.com")...)
	change(t, s, func(tx *bbolt.Tx) error {
		k, err := spool.KeyOf(odd.ID)
		if err != nil {
			return err
		}
		queue := tx.Bucket([]byte(bucketQueue))
		rec, err := s.codec.DecodeRecord(queue.Get(k[:]))
		if err != nil {
			return err
		}
		rec.Table = "sunday"
		enc, err := s.codec.EncodeRecord(&rec)
		if err != nil {
			return err
		}
		return queue.Put(k[:], enc)
	})
	s.UseTable("tuesday")
	if n, err := s.Reroute(t.Context(), unchanged, nil); err != nil || n != 1 {
		t.Fatalf("%d messages, %v", n, err)
	}
	if d := claimOne(t, s, "a"); d.Message.ID != sound.ID {
		t.Errorf("claimed %s", d.Message.ID)
	}
}

// damagePageOf overwrites the head of the leaf pages that hold a key.
func damagePageOf(t *testing.T, s *Store, key []byte) {
	t.Helper()
	file, err := os.OpenFile(s.opt.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	size := s.db.Info().PageSize
	b := make([]byte, size)
	damaged := 0
	if err := s.view(func(tx *bbolt.Tx) error {
		for id := 0; ; id++ {
			p, err := tx.Page(id)
			if p == nil || err != nil {
				return err
			}
			if p.Type != "leaf" {
				continue
			}
			if _, err := file.ReadAt(b, int64(id*size)); err != nil {
				return err
			}
			if bytes.Contains(b, key) {
				damaged++
				if _, err := file.WriteAt(bytes.Repeat([]byte{0xff}, 16), int64(id*size)); err != nil {
					return err
				}
			}
		}
	}); err != nil || damaged == 0 {
		t.Fatalf("%d pages hold the key, %v", damaged, err)
	}
}

// What is leased before damage is met is handed out, for nobody else would be
// offered it; the next call tells of the damage.
func TestWhatIsLeasedBeforeDamageIsHandedOut(t *testing.T) {
	for _, index := range []string{bucketDue, bucketExpiry} {
		t.Run(index, func(t *testing.T) {
			s := openUnsound(t)
			s.Open("a", true)
			const n = 400 // some pages of each index
			past := time.Now().Add(-time.Hour)
			for range n {
				to := spooltest.Recipients("a", "x@example.com")
				to[0].ExpiresAt = past
				spooltest.Accept(t, s, "x", to...)
			}
			var last []byte
			if err := s.view(func(tx *bbolt.Tx) error {
				k, _ := tx.Bucket([]byte(index)).Cursor().Last()
				last = bytes.Clone(k)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			damagePageOf(t, s, last)
			take := func() (int, error) {
				if index == bucketDue {
					due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: n, Recipients: 1})
					return len(due), err
				}
				past, _, err := s.Expired(t.Context(), time.Now(), n)
				return len(past), err
			}
			if got, err := take(); err != nil || got == 0 || got == n {
				t.Errorf("%d are handed out, %v", got, err)
			}
			if got, err := take(); !errors.Is(err, errDamage) || got != 0 {
				t.Errorf("then %d, %v", got, err)
			}
		})
	}
}
