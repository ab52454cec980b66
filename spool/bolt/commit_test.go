package bolt

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// plug holds the committer inside a transaction until the returned function is
// called.
func plug(t *testing.T, s *Store) (pull func()) {
	t.Helper()
	inside, release := make(chan struct{}), make(chan struct{})
	o := &op{run: func(*batch) error {
		close(inside)
		<-release
		return nil
	}}
	if err := s.submit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	<-inside
	return func() { close(release) }
}

func put(key string) *op {
	return &op{run: func(b *batch) error {
		return b.tx.Bucket([]byte(bucketTokens)).Put([]byte(key), []byte("x"))
	}}
}

func has(t *testing.T, s *Store, key string) bool {
	t.Helper()
	token, err := s.RefreshToken(key)
	if err != nil {
		t.Fatal(err)
	}
	return token != ""
}

func txid(t *testing.T, s *Store) (id int) {
	t.Helper()
	if err := s.view(func(tx *bbolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWhatWaitsIsCommittedTogether(t *testing.T) {
	s := openTest(t, Options{})
	pull := plug(t, s)
	var ops []*op
	for range 50 {
		o := put(string(spool.NewID()))
		if err := s.submit(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		ops = append(ops, o)
	}
	before := txid(t, s)
	pull()
	for _, o := range ops {
		if err := s.wait(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if n := txid(t, s) - before; n != 2 {
		t.Errorf("%d transactions, want the plug's and one for all that waited", n)
	}
}

func TestOneBadChangeHurtsNoOther(t *testing.T) {
	s := openTest(t, Options{})
	pull := plug(t, s)
	broken := errors.New("half done")
	bad := &op{run: func(b *batch) error {
		_ = put("half").run(b)
		return broken
	}}
	refused := &op{run: func(*batch) error { return decline(spool.ErrNotFound) }}
	first, last := put("first"), put("last")
	for _, o := range []*op{first, bad, refused, last} {
		if err := s.submit(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	pull()
	for _, c := range []struct {
		o    *op
		want error
	}{{first, nil}, {bad, broken}, {refused, spool.ErrNotFound}, {last, nil}} {
		if err := s.wait(t.Context(), c.o); !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
	if !has(t, s, "first") || !has(t, s, "last") || has(t, s, "half") {
		t.Error("what is stored is not what was answered")
	}
}

func TestWhoGivesUpBeforeJoiningIsWithdrawn(t *testing.T) {
	s := openTest(t, Options{})
	pull := plug(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	m := relay.Message{ID: spool.NewID(), From: "a@example.com"}
	given := make(chan error)
	go func() {
		given <- s.Accept(ctx, &spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "x@example.com"), Body: strings.NewReader("body")})
	}()
	for len(s.committer.ops) == 0 { // until it waits
		select {
		case err := <-given:
			t.Fatalf("Accept returned %v", err)
		default:
		}
	}
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("Accept gave %v", err)
	}
	pull()
	if _, err := s.Get(t.Context(), m.ID); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("it is in the spool all the same: %v", err)
	}
}

func TestWhoHasJoinedGetsTheOutcome(t *testing.T) {
	s := openTest(t, Options{})
	inside, release := make(chan struct{}), make(chan struct{})
	o := &op{run: func(b *batch) error {
		close(inside)
		<-release
		return put("joined").run(b)
	}}
	if err := s.submit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	given := make(chan error)
	go func() { given <- s.wait(ctx, o) }()
	close(release)
	if err := <-given; err != nil || !has(t, s, "joined") {
		t.Errorf("wait gave %v", err)
	}
}

func TestCloseAnswersEverybody(t *testing.T) {
	s := openTest(t, Options{})
	pull := plug(t, s)
	given := make(chan error)
	for range 20 {
		go func() { given <- s.do(context.Background(), put(string(spool.NewID()))) }()
	}
	pull()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := <-given; err != nil && !errors.Is(err, spool.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
	if err := s.do(t.Context(), put("late")); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 1}); err != nil && !errors.Is(err, spool.ErrClosed) {
		t.Errorf("Claim after Close: %v", err)
	}
}

func TestAFailedCommitEndsTheStore(t *testing.T) {
	s := openTest(t, Options{})
	m := spooltest.Accept(t, s, "before", spooltest.Recipients("a", "x@example.com")...)
	panicking := &op{run: func(*batch) error { panic("page 7 already freed") }}
	if err := s.do(t.Context(), panicking); !errors.Is(err, spool.ErrFailed) {
		t.Fatalf("%v", err)
	}
	<-s.Failed()
	if !errors.Is(s.Err(), spool.ErrFailed) {
		t.Errorf("Err: %v", s.Err())
	}
	if err := s.do(t.Context(), put("after")); !errors.Is(err, spool.ErrFailed) {
		t.Errorf("a change after the failure: %v", err)
	}
	if _, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 1}); !errors.Is(err, spool.ErrFailed) {
		t.Errorf("a claim after the failure: %v", err)
	}
	again := restart(t, s, false) // verifies, because of the note
	if e, err := again.Get(t.Context(), m.ID); err != nil || e.Message.ID != m.ID {
		t.Errorf("%v", err)
	}
	third := restart(t, again, false)
	if third.Err() != nil {
		t.Error("the note was not removed")
	}
}

// A batch that found the disk full is not all of one piece: mail on its way in
// is refused, and a change that cannot be made hurts no other.
func TestAFullDiskRefusesMailOnly(t *testing.T) {
	s := openTest(t, Options{})
	broken := errors.New("half done")
	bad := &op{run: func(*batch) error { return broken }}
	mail := put("mail")
	mail.grows = true
	first, last := put("first"), put("last")
	ops := []*op{first, mail, bad, last}
	for _, o := range ops {
		o.done = make(chan error, 1)
	}
	s.commitWithoutSpace(ops)
	for i, want := range []error{nil, spool.ErrFull, broken, nil} {
		if err := <-ops[i].done; !errors.Is(err, want) {
			t.Errorf("change %d: %v, want %v", i, err, want)
		}
	}
	if !has(t, s, "first") || !has(t, s, "last") || has(t, s, "mail") {
		t.Error("what is stored is not what was answered")
	}
}

func TestNothingIsCommittedWithoutSpaceAfterAFailure(t *testing.T) {
	s := openTest(t, Options{})
	panicking := &op{run: func(*batch) error { panic("page 7 already freed") }, done: make(chan error, 1)}
	after := put("after")
	after.done = make(chan error, 1)
	s.commitWithoutSpace([]*op{panicking, after})
	for _, o := range []*op{panicking, after} {
		if err := <-o.done; !errors.Is(err, spool.ErrFailed) {
			t.Errorf("%v", err)
		}
	}
	if has(t, s, "after") {
		t.Error("it was stored")
	}
}

// A full disk that is met after the meta page was written leaves the outcome
// unknown: the batch must not be run a second time.
func TestOnlyWhatCannotBeReadIsRunAgain(t *testing.T) {
	s := openTest(t, Options{})
	if err := s.do(t.Context(), put("x")); err != nil {
		t.Fatal(err)
	}
	now := txid(t, s)
	if err := s.outcome(now, syscall.ENOSPC); isNoSpace(err) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("of a transaction that can be read: %v", err)
	}
	if err := s.outcome(now+1, syscall.ENOSPC); !isNoSpace(err) {
		t.Errorf("of one that left no trace: %v", err)
	}
}
