package bolt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oklog/ulid/v2"
	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// bounced puts a message into the history, with its body.
func bounced(t *testing.T, s *Store) relay.Message {
	t.Helper()
	s.Open("a", true)
	m := spooltest.Accept(t, s, "body", spooltest.Recipients("a", "x@example.com")...)
	d := claimOne(t, s, "a")
	to := slices.Clone(d.Recipients)
	to[0].State, to[0].FinishedAt = relay.Bounced, time.Now().UTC()
	if err := s.Settle(t.Context(), &d, spool.Settlement{Recipients: to}); err != nil {
		t.Fatal(err)
	}
	return m
}

// retry queues again what has failed and has its body; meanwhile is called for
// each message when that is decided and not stored yet.
func retry(t *testing.T, s *Store, meanwhile func(spool.Selected)) (n int) {
	t.Helper()
	err := s.Act(t.Context(), spool.Filter{States: []relay.State{relay.Bounced}}, func(in spool.Selected) *spool.Settlement {
		meanwhile(in)
		if len(in.Recipients) == 0 || !in.HasBody {
			return nil
		}
		to := slices.Clone(in.Recipients)
		to[0].State, to[0].FinishedAt = relay.Queued, time.Time{}
		return &spool.Settlement{Recipients: to}
	}, func(spool.Selected, *spool.Settlement, []spool.Notice) { n++ })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What an operator queues again while its body runs out of time keeps it.
func TestPruneLeavesWhatAnOperatorCallsBack(t *testing.T) {
	s := openTest(t, Options{})
	m := bounced(t, s)
	past := time.Now().Add(30 * 24 * time.Hour)
	n := retry(t, s, func(spool.Selected) {
		if err := s.prune(past); err != nil {
			t.Error(err)
		}
	})
	if n != 1 {
		t.Fatalf("%d messages are queued again", n)
	}
	if err := s.prune(past); err != nil {
		t.Error(err)
	}
	if e, err := s.Get(t.Context(), m.ID); err != nil || !e.HasBody || e.Recipients[0].State != relay.Queued {
		t.Errorf("%+v, %v", e, err)
	}
	claimOne(t, s, "a")
}

// What is being pruned is not an operator's to call back.
func TestNobodyCallsBackWhatIsPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{})
		m := bounced(t, s)
		pull := plug(t, s)
		pruned := make(chan error, 1)
		go func() { pruned <- s.prune(time.Now().Add(4 * 24 * time.Hour)) }() // the body, not the message
		synctest.Wait()                                                       // it has decided
		sending := 0
		if n := retry(t, s, func(in spool.Selected) { sending += len(in.Sending) }); n != 0 || sending != 1 {
			t.Errorf("%d messages are queued again, %d recipients in other hands", n, sending)
		}
		pull()
		if err := <-pruned; err != nil {
			t.Fatal(err)
		}
		if e, err := s.Get(t.Context(), m.ID); err != nil || e.HasBody || e.Recipients[0].State != relay.Bounced {
			t.Errorf("%+v, %v", e, err)
		}
		if n := retry(t, s, func(spool.Selected) {}); n != 0 {
			t.Errorf("it is queued without a body")
		}
	})
}

// A message that came early and ended late is kept as long after its end as any
// other, and not for ever.
func TestWhatEndedLateIsPrunedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{})
		early := spooltest.Accept(t, s, "waits", spooltest.Recipients("b", "x@example.com")...)
		for i := range 3 * pruneBatch / 2 {
			spooltest.Accept(t, s, fmt.Sprint(i), spooltest.Recipients("a", "x@example.com")...)
		}
		deliverAll(t, s, relay.Delivered)
		time.Sleep(s.opt.History - time.Hour)
		s.Open("b", true)
		d := claimOne(t, s, "b")
		d.Recipients[0].State, d.Recipients[0].FinishedAt = relay.Delivered, time.Now()
		if err := s.Settle(t.Context(), &d, spool.Settlement{Recipients: d.Recipients}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			after time.Duration
			left  int
		}{{2 * time.Hour, 1}, {s.opt.History - 3*time.Hour, 1}, {2 * time.Hour, 0}} {
			time.Sleep(c.after)
			synctest.Wait()
			if n := countKeys(t, s, bucketHistory); n != c.left {
				t.Errorf("%d messages are left, want %d of which %s is one", n, c.left, early.ID)
			}
		}
	})
}

// A message that came while the clock was ahead goes when its time is over by
// the right one.
func TestWhatCameFromTheFutureIsPruned(t *testing.T) {
	s := openTest(t, Options{})
	ahead := ulid.MustNew(ulid.Timestamp(time.Now().Add(10*365*24*time.Hour)), ulid.DefaultEntropy())
	m := relay.Message{ID: relay.ID(ahead.String()), From: "x@example.com", ReceivedAt: time.Now()}
	in := spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "x@example.com"), Body: strings.NewReader("b")}
	if err := s.Accept(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	deliverAll(t, s, relay.Delivered)
	wantHistory(t, s, -time.Hour, 1)
	wantHistory(t, s, time.Hour, 0)
}

// wantHistory prunes as if so much more than the time of the history was over.
func wantHistory(t *testing.T, s *Store, after time.Duration, left int) {
	t.Helper()
	if err := s.prune(time.Now().Add(s.opt.History + after)); err != nil {
		t.Fatal(err)
	}
	if n := countKeys(t, s, bucketHistory); n != left {
		t.Errorf("%d messages are left %v behind the time, want %d", n, after, left)
	}
}

// What a run that failed was to remove goes in the next one.
func TestPruneTriesAgain(t *testing.T) {
	s := openTest(t, Options{})
	var broken []byte
	for range 20 {
		m := spooltest.Accept(t, s, "b", spooltest.Recipients("a", "x@example.com")...)
		k, err := spool.KeyOf(m.ID)
		if err != nil {
			t.Fatal(err)
		}
		broken = seqKey(k, 1)
	}
	deliverAll(t, s, relay.Delivered)
	events := func(do func(*bbolt.Bucket) error) {
		t.Helper()
		err := s.do(t.Context(), &op{run: func(b *batch) error { return do(b.events) }})
		if err != nil {
			t.Fatal(err)
		}
	}
	events(func(b *bbolt.Bucket) error { _, err := b.CreateBucket(broken); return err }) // cannot be deleted as an event
	if err := s.prune(time.Now().Add(s.opt.History + time.Hour)); err == nil {
		t.Fatal("the run did not fail")
	}
	events(func(b *bbolt.Bucket) error { return b.DeleteBucket(broken) })
	wantHistory(t, s, time.Hour, 0)
}

// What an operator has called back since the history was looked through is not
// leased: no lane would be woken when the lease ends.
func TestPruneLeasesNothingThatIsQueued(t *testing.T) {
	s := openTest(t, Options{})
	bounced(t, s)
	past := time.Now().Add(s.opt.History + time.Hour)
	s.history.begin()
	keys, _, err := s.ended(past)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if n := retry(t, s, func(spool.Selected) {}); n != 1 {
		t.Fatalf("%d messages are queued again", n)
	}
	if ended, leased, err := s.leaseEnded(keys, past); len(ended)+len(leased) != 0 || err != nil {
		t.Errorf("leases %v %v, %v", ended, leased, err)
	}
	claimOne(t, s, "a")
}
