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

func unchanged(_ relay.Message, to []relay.Recipient) ([]relay.Recipient, []relay.Event) {
	return to, nil
}

func claimOne(t *testing.T, s *Store, lane string) spool.Delivery {
	t.Helper()
	due, _, err := s.Claim(t.Context(), lane, spool.Limit{Messages: 1, Recipients: 100})
	if err != nil || len(due) != 1 {
		t.Fatalf("claimed %d, %v", len(due), err)
	}
	return due[0]
}

// requeue settles a delivery: its recipients are due for another chain.
func requeue(t *testing.T, s *Store, d spool.Delivery, chain ...string) {
	t.Helper()
	to := slices.Clone(d.Recipients)
	for i := range to {
		to[i].Eligible = chain
	}
	if err := s.Settle(t.Context(), &d, spool.Settlement{Recipients: to}); err != nil {
		t.Error(err)
	}
}

// What is being sent for minutes keeps nobody else waiting, and is rerouted
// once it comes back, wherever to.
func TestRerouteWaitsForWhatIsBeingSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, Options{})
		s.UseTable("monday")
		s.Open("a", true)
		s.Open("b", true)
		spooltest.Accept(t, s, "sent for long", spooltest.Recipients("a", "x@example.com")...)
		d := claimOne(t, s, "a")
		spooltest.Accept(t, s, "waits", spooltest.Recipients("b", "x@example.com")...)
		s.UseTable("tuesday")
		done := make(chan int)
		go func() {
			n, err := s.Reroute(t.Context(), unchanged, nil)
			if err != nil {
				t.Error(err)
			}
			done <- n
		}()
		synctest.Wait()
		claimOne(t, s, "b")
		time.Sleep(10 * time.Minute) // of the bubble's clock
		requeue(t, s, d, "c", "a")   // a chain that monday did not have yet
		if n := <-done; n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
		claimOne(t, s, "a")
	})
}

// A chain that is forgotten while something is settled into it comes back.
func TestAForgottenChainComesBack(t *testing.T) {
	s := openTest(t, Options{})
	s.UseTable("monday")
	s.Open("a", true)
	s.Open("b", true)
	m := spooltest.Accept(t, s, "x", spooltest.Recipients("a", "x@example.com")...)
	spooltest.Accept(t, s, "x", spooltest.Recipients("b", "x@example.com")...)
	d := claimOne(t, s, "a")
	b := claimOne(t, s, "b")
	requeue(t, s, b, "a") // b is empty now
	s.UseTable("tuesday")
	var empty *chain
	for _, ch := range s.lanes.stale() {
		if ch.name == "b" {
			empty = ch
		}
	}
	pull := plug(t, s)
	done := make(chan bool)
	go func() {
		gone, err := s.forgetChain(t.Context(), empty)
		if err != nil || !gone {
			t.Errorf("%v %v", gone, err)
		}
		done <- true
	}()
	for len(s.committer.ops) < 1 { // until it waits
	}
	go func() {
		requeue(t, s, d, "b")
		done <- true
	}()
	for len(s.committer.ops) < 2 {
	}
	pull()
	<-done
	<-done
	again := restart(t, s, true)
	again.UseTable("tuesday")
	again.Open("b", true)
	if n, err := again.Reroute(t.Context(), unchanged, nil); n != 2 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
	if d := claimOne(t, again, "b"); d.Message.ID != m.ID {
		t.Error("another message")
	}
}

// A message that cannot be read stays where it is, and holds up no other.
func TestRerouteLeavesWhatItCannotRead(t *testing.T) {
	s := openTest(t, Options{})
	s.UseTable("monday")
	broken := spooltest.Accept(t, s, "x", spooltest.Recipients("a", "x@example.com")...)
	spooltest.Accept(t, s, "x", spooltest.Recipients("a", "x@example.com")...)
	k, err := spool.KeyOf(broken.ID)
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	write := func(value []byte) {
		t.Helper()
		if err := s.do(t.Context(), &op{run: func(b *batch) error {
			kept = slices.Clone(b.queue.Get(k[:]))
			return b.queue.Put(k[:], value)
		}}); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("junk"))
	s.UseTable("tuesday")
	if n, err := s.Reroute(t.Context(), unchanged, nil); n != 1 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
	s.Open("a", true)
	claimOne(t, s, "a")
	write(kept)
	if n, err := s.Reroute(t.Context(), unchanged, nil); n != 1 || err != nil {
		t.Errorf("mended: %d messages, %v", n, err)
	}
}

// A message that is due at several times in a chain is assigned once.
func TestRerouteSeesAMessageOnce(t *testing.T) {
	s := openTest(t, Options{})
	s.UseTable("monday")
	to := spooltest.Recipients("a", "x@example.com", "y@example.com")
	to[1].NextAttempt = to[1].NextAttempt.Add(time.Hour)
	spooltest.Accept(t, s, "x", to...)
	s.UseTable("tuesday")
	calls := 0
	n, err := s.Reroute(t.Context(), func(_ relay.Message, to []relay.Recipient) ([]relay.Recipient, []relay.Event) {
		calls++
		return to, nil
	}, nil)
	if n != 1 || calls != 1 || err != nil {
		t.Errorf("%d messages, %d calls, %v", n, calls, err)
	}
}
