package bolt

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
