package bolt

import (
	"errors"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// claimSplit takes one message in and claims each of its recipients alone.
func claimSplit(t *testing.T, s *Store, addresses ...string) []spool.Delivery {
	t.Helper()
	s.Open("a", true)
	spooltest.Accept(t, s, "x", spooltest.Recipients("a", addresses...)...)
	due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: len(addresses), Recipients: 1})
	if err != nil || len(due) != len(addresses) {
		t.Fatal(due, err)
	}
	return due
}

// settleOp is the op of a settlement with a report.
func settleOp(t *testing.T, s *Store, d *spool.Delivery, states ...relay.State) *op {
	t.Helper()
	k, err := spool.KeyOf(d.Message.ID)
	if err != nil {
		t.Fatal(err)
	}
	outcome, l := spooltest.Bounced(*d, states...), s.leases.get(d.Lease)
	return &op{run: func(b *batch) error {
		_, err := b.settle(k, d, &l, &outcome)
		return err
	}}
}

// Two deliveries of a message settle in a transaction that another change
// breaks. Each gets one of its own then, and the report is given once.
func TestABrokenBatchReportsOnce(t *testing.T) {
	s := openTest(t, Options{})
	due := claimSplit(t, s, "1@x", "2@x")
	broken := errors.New("half done")
	ops := []*op{settleOp(t, s, &due[0], relay.Bounced), settleOp(t, s, &due[1], relay.Bounced), {run: func(*batch) error { return broken }}}
	pull := plug(t, s)
	for _, o := range ops {
		if err := s.submit(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	pull()
	for i, want := range []error{nil, nil, broken} {
		if err := s.wait(t.Context(), ops[i]); !errors.Is(err, want) {
			t.Errorf("change %d: %v, want %v", i, err, want)
		}
	}
	spooltest.CheckBounces(t, s, true)
	if n := countKeys(t, s, bucketQueue); n != 1 {
		t.Errorf("%d messages are queued, want the one notice", n)
	}
}

// A delivery that settles in the same transaction is under way no more: the one
// behind it reports at once, though the message is not finished.
func TestABatchLeavesNoReport(t *testing.T) {
	s := openTest(t, Options{})
	due := claimSplit(t, s, "1@x", "2@x")
	ops := []*op{settleOp(t, s, &due[0], relay.Bounced), settleOp(t, s, &due[1], relay.Queued)}
	pull := plug(t, s)
	for _, o := range ops {
		if err := s.submit(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	pull()
	for _, o := range ops {
		if err := s.wait(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	spooltest.CheckBounces(t, s, true)
}

// A full disk refuses mail, and no notice.
func TestAFullDiskRefusesNoNotice(t *testing.T) {
	s := openTest(t, Options{})
	due := claimSplit(t, s, "1@x")
	o := settleOp(t, s, &due[0], relay.Bounced)
	o.done = make(chan error, 1)
	s.commitWithoutSpace([]*op{o})
	if err := <-o.done; err != nil {
		t.Fatal(err)
	}
	spooltest.CheckBounces(t, s, true)
	if n := countKeys(t, s, bucketQueue); n != 1 {
		t.Errorf("%d messages are queued, want the one notice", n)
	}
}

// A record that changed since it was leased is read again.
func TestASettlementSeesWhatChangedMeanwhile(t *testing.T) {
	s := openTest(t, Options{})
	due := claimSplit(t, s, "1@x", "2@x", "3@x")
	for i := range due {
		if err := s.Settle(t.Context(), &due[i], spooltest.Bounced(due[i], relay.Bounced)); err != nil {
			t.Fatal(err)
		}
	}
	e, err := s.Get(t.Context(), due[0].Message.ID)
	if err != nil || !e.Finished() {
		t.Fatalf("%+v, %v", e, err)
	}
	spooltest.CheckBounces(t, s, true)
}
