package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/bolt/pages"
	"relaykeep/spool/spooltest"
)

// hasFreelist tells whether a file holds a list of its free pages.
func hasFreelist(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := pages.ReadMeta(f)
	if err != nil {
		t.Fatal(err)
	}
	return m.HasFreelist
}

// crashed is the file as a crash at this moment would leave it.
func crashed(t *testing.T, s *Store) (path string) {
	t.Helper()
	b, err := os.ReadFile(s.opt.Path)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "spool.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// drained gives a store that has more free pages than the list that is kept holds.
func drained(t *testing.T) *Store {
	t.Helper()
	s := openTest(t, Options{})
	s.walkable = 0
	s.Open("a", true)
	spooltest.Accept(t, s, strings.Repeat("0123456789abcde\n", (maxKeptFreelist+512)*pageSize/16), spooltest.Recipients("a", "x@example.com")...)
	ds, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 1})
	if err != nil || len(ds) != 1 {
		t.Fatal(len(ds), err)
	}
	to := ds[0].Recipients
	to[0].State, to[0].FinishedAt = relay.Delivered, time.Now()
	if err := s.Settle(t.Context(), &ds[0], spool.Settlement{Recipients: to}); err != nil {
		t.Fatal(err)
	}
	spooltest.Accept(t, s, "the commit after it", spooltest.Recipients("a", "x@example.com")...)
	return s
}

func TestAShortFreelistIsInTheFile(t *testing.T) {
	s := openTest(t, Options{})
	s.walkable = 0 // as if much was in use
	spooltest.Accept(t, s, "body", spooltest.Recipients("a", "x@example.com")...)
	if !hasFreelist(t, s.opt.Path) {
		t.Error("a crash now would cost a visit to every page")
	}
	again, err := Open(Options{Path: crashed(t, s), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// A visit to a few pages is cheap: a small spool has no list until it is closed.
func TestASmallSpoolWritesNoList(t *testing.T) {
	s := openTest(t, Options{})
	m := spooltest.Accept(t, s, "body", spooltest.Recipients("a", "x@example.com")...)
	if hasFreelist(t, s.opt.Path) {
		t.Error("each commit writes a page more")
	}
	again, err := Open(Options{Path: crashed(t, s), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	wantBody(t, again, m, "body")
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if !hasFreelist(t, again.opt.Path) {
		t.Error("the next start visits every page")
	}
}

// The start of a large spool writes a list, too.
func TestOpenLeavesTheList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spool.db")
	s := openTest(t, Options{Path: path})
	spooltest.Accept(t, s, strings.Repeat("0123456789abcde\n", 140<<20/16), spooltest.Recipients("a", "x@example.com")...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if openTest(t, Options{Path: path}); !hasFreelist(t, path) {
		t.Error("a crash now would cost a visit to every page")
	}
}

func TestALongFreelistIsLeftAtTheEnd(t *testing.T) {
	t.Parallel()
	s := drained(t)
	if hasFreelist(t, s.opt.Path) {
		t.Error("each commit writes a long list")
	}
	left := crashed(t, s)
	before, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !hasFreelist(t, s.opt.Path) {
		t.Error("the next start visits every page")
	}
	// Whoever only reads what a crash has left counts the same, by a visit.
	r, err := Open(Options{Path: left, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	after, err := r.Stats(t.Context())
	err = errors.Join(err, r.Close())
	if err != nil || after.FreePages != before.FreePages || after.UsedBytes != before.UsedBytes {
		t.Errorf("%d free pages and %d bytes in use, then %d and %d, %v", before.FreePages, before.UsedBytes, after.FreePages, after.UsedBytes, err)
	}
	w, err := Open(Options{Path: left, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// A page that nothing touches at the start is found damaged soon after it: the
// store fails, and is refused from then on.
func TestADamagedPageIsFoundBesideTheWork(t *testing.T) {
	path, _ := closed(t, strings.Repeat("needle ", 2000))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("needle needle"))
	for i := at / pageSize * pageSize; i < at; i++ {
		b[i] = 0xff
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	<-s.Failed()
	if !errors.Is(s.Err(), errDamage) {
		t.Errorf("it failed with %v", s.Err())
	}
	s.Close()
	if s, err := Open(Options{Path: path, NoSync: true}); err == nil {
		s.Close()
		t.Error("it was opened again")
	} else if !strings.Contains(err.Error(), "relaykeep spool restore FILE") {
		t.Error(err)
	}
}
