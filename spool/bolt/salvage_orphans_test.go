package bolt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// Enough for branches.
const (
	manyQueued    = 600
	manyDelivered = 150
)

// anyNumber of orphans: which of the meta pages is the newer one is not known.
const anyNumber = -1

// manyMessages makes a file whose trees have branches, with the root pages of
// its buckets. Some bodies take several chunks. The subject of those that are
// delivered is "delivered".
func manyMessages(t *testing.T) (file []byte, roots map[string]int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "many.db")
	s, err := Open(Options{Path: path, History: time.Hour, KeepFailed: time.Hour, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Open("a", true)
	acceptMany(t, s, manyDelivered, "delivered")
	due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: manyDelivered, Recipients: 1})
	if err != nil || len(due) != manyDelivered {
		t.Fatal(len(due), err)
	}
	var all sync.WaitGroup
	for _, d := range due {
		all.Go(func() {
			d.Recipients[0].State, d.Recipients[0].FinishedAt, d.Recipients[0].LastAt = relay.Delivered, time.Now(), time.Now()
			if err := s.Settle(t.Context(), &d, spool.Settlement{Recipients: d.Recipients}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	acceptMany(t, s, manyQueued, "queued")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return file, rootPages(t, path)
}

func acceptMany(t *testing.T, s *Store, n int, subject string) {
	t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			m := relay.Message{ID: spool.NewID(), From: "from@example.com", Subject: subject, ReceivedAt: time.Now()}
			size := 30
			if i%100 == 0 {
				size = 10_000
			}
			in := &spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "x@example.com"), Body: strings.NewReader(strings.Repeat(string(m.ID), size))}
			if err := s.Accept(t.Context(), in); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// rootPages gives the root page of each bucket, and that of the list of them.
func rootPages(t *testing.T, path string) map[string]int {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	roots := make(map[string]int)
	err = db.View(func(tx *bbolt.Tx) error {
		roots["list"] = int(tx.Cursor().Bucket().Root())
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			roots[string(name)] = int(b.Root())
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	roots["meta 0"], roots["meta 1"] = 0, 1
	return roots
}

// What hangs below a page that is destroyed is found all the same.
func TestSalvageFindsWhatNothingPointsTo(t *testing.T) {
	t.Parallel()
	whole, roots := manyMessages(t)
	for _, test := range []struct {
		damage  []string
		orphans int64
		held    int // of the queued ones
	}{
		{damage: []string{bucketQueue}, orphans: manyQueued, held: manyQueued},
		{damage: []string{bucketHistory}, orphans: manyDelivered},
		{damage: []string{bucketBodies}},
		{damage: []string{bucketQueue, bucketBodies}, orphans: manyQueued, held: manyQueued},
		{damage: []string{"list"}, orphans: manyQueued + manyDelivered, held: manyQueued},
		{damage: []string{"meta 0"}, orphans: anyNumber, held: manyQueued},
		{damage: []string{"meta 1"}, orphans: anyNumber, held: manyQueued},
		{damage: []string{"meta 0", "meta 1"}, orphans: manyQueued + manyDelivered, held: manyQueued},
		{damage: []string{"meta 0", "meta 1", bucketQueue, bucketBodies}, orphans: manyQueued + manyDelivered, held: manyQueued},
	} {
		t.Run(strings.Join(test.damage, " and "), func(t *testing.T) {
			t.Parallel()
			b := append([]byte(nil), whole...)
			for _, page := range test.damage {
				at := b[roots[page]*pageSize:][:pageSize]
				if isBranch := at[8] == 1; !isBranch && page == bucketQueue {
					t.Fatal("the queue is too small")
				}
				clear(at)
			}
			got := salvageMany(t, b)
			if got.Lost != 0 || test.orphans != anyNumber && got.Orphaned != test.orphans || got.Problems.Sound() {
				t.Errorf("%d lost, %d orphans, %v", got.Lost, got.Orphaned, got.Problems.Problems)
			}
			if got.queued != manyQueued || got.held != test.held || got.history != manyDelivered {
				t.Errorf("%d queued, of which %d are held, %d in the history", got.queued, got.held, got.history)
			}
		})
	}
}

// manySaved is what was saved of manyMessages.
type manySaved struct {
	Salvaged
	queued, held, history int
}

// salvageMany salvages. That bodies are whole is what Salvage verifies.
func salvageMany(t *testing.T, b []byte) (got manySaved) {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "damaged.db"), filepath.Join(dir, "saved.db")
	if err := os.WriteFile(from, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if got.Salvaged, err = Salvage(t.Context(), from, to, func(Lost) {}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Path: to, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.List(t.Context(), spool.Filter{AnyState: true}, func(e spool.Entry) error {
		r := &e.Recipients[0]
		switch {
		case e.Finished():
			got.history++
		case r.State == relay.Held && r.HoldReason == relay.HoldSalvaged:
			got.held++
			got.queued++
		case e.Message.Subject == "delivered":
			return fmt.Errorf("%s would be sent again", e.Message.ID)
		default:
			got.queued++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheVersionThatGotFurthest(t *testing.T) {
	at := time.Unix(1000, 0)
	record := func(to ...relay.Recipient) *spool.Record { return &spool.Record{Recipients: to} }
	fresh := relay.Recipient{}
	tried := relay.Recipient{LastAt: at, Attempts: 1}
	triedAgain := relay.Recipient{LastAt: at.Add(1), Attempts: 2}
	done := relay.Recipient{LastAt: at, Attempts: 1, State: relay.Delivered}
	finished := relay.Recipient{LastAt: at, FinishedAt: at.Add(2), State: relay.Bounced}
	order := []*spool.Record{record(fresh, fresh), record(fresh, tried), record(fresh, done), record(tried, done), record(triedAgain, done), record(finished, done)}
	for i, a := range order {
		for j, b := range order {
			if further(a, b) != (i > j) {
				t.Errorf("%d and %d", i, j)
			}
		}
	}
}

func TestNothingIsSavedOfAnotherFile(t *testing.T) {
	from := filepath.Join(t.TempDir(), "other.db")
	if err := os.WriteFile(from, make([]byte, 10*pageSize), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Salvage(t.Context(), from, from+".saved", func(Lost) {})
	if err == nil || !strings.Contains(err.Error(), "no valid meta page") {
		t.Errorf("%v", err)
	}
}
