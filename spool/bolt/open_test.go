package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

func TestASecondOpenIsRefused(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	_, err := Open(Options{Path: s.opt.Path})
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("%v", err)
	}
}

// closed makes a spool with a message in it and closes it.
func closed(t *testing.T, body string) (path string, m relay.Message) {
	t.Helper()
	s := openTest(t, Options{})
	m = spooltest.Accept(t, s, body, spooltest.Recipients("a", "x@example.com")...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s.opt.Path, m
}

func TestADamagedFileIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"empty", func([]byte) []byte { return []byte{} }},
		{"text", func([]byte) []byte { return []byte(strings.Repeat("this is no database\n", 5000)) }},
		{"cut short", func(b []byte) []byte { return b[:3*pageSize] }},
		{"both meta pages zeroed", func(b []byte) []byte { clear(b[:2*pageSize]); return b }},
		{"pages overwritten", func(b []byte) []byte {
			for i := 2 * pageSize; i < len(b); i += 64 {
				b[i] ^= 0xff
			}
			return b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, _ := closed(t, "body")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b = c.damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(Options{Path: path, NoSync: true})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "relaykeep spool restore FILE") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error does not name the file and the way out in one line: %v", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, b) {
				t.Error("the file was changed")
			}
		})
	}
}

// With one meta page alone the file may be that of before the last commit: it is
// refused, not taken for the latest.
func TestALoneMetaPageIsRefused(t *testing.T) {
	for page := range 2 {
		path, _ := closed(t, "body")
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, 200), int64(page*pageSize)); err != nil {
			t.Fatal(err)
		}
		f.Close()
		for _, readOnly := range []bool{false, true} {
			if s, err := Open(Options{Path: path, NoSync: true, ReadOnly: readOnly}); !errors.Is(err, errLoneMeta) {
				t.Errorf("page %d: opened with %v", page, err)
				if err == nil {
					s.Close()
				}
			}
		}
		r, err := CheckFile(t.Context(), path, nil)
		if err != nil || r.Sound() || !strings.Contains(r.Problems[0], "meta pages") {
			t.Errorf("page %d: verify says %+v, %v", page, r, err)
		}
		if _, err := Restore(t.Context(), RestoreOptions{Copy: path, Path: filepath.Join(t.TempDir(), "new.db")}); err == nil {
			t.Errorf("page %d: it was restored", page)
		}
	}
}

func TestADamagedBodyIsNotHandedOut(t *testing.T) {
	needle := strings.Repeat("needle", 100)
	path, m := closed(t, needle)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := bytes.Index(b, []byte(needle)); at >= 0; at = bytes.Index(b, []byte(needle)) {
		b[at+10] ^= 1
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := s.Body(m).Open()
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	if !errors.Is(err, relay.ErrBodyDamaged) {
		t.Errorf("%v", err)
	}
}

func TestOtherFilesAreNotTaken(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("users")); return err }); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(Options{Path: other}); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("%v", err)
	}
	if _, err := Open(Options{Path: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("%v", err)
	}
	if _, err := Open(Options{Path: filepath.Join(t.TempDir(), "none.db"), ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "there is no spool") {
		t.Errorf("%v", err)
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	path, _ := closed(t, "body")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaSchema), binary.BigEndian.AppendUint32(nil, schemaVersion+1))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		if _, err := Open(Options{Path: path, ReadOnly: readOnly}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("schema %d", schemaVersion+1)) {
			t.Errorf("%v", err)
		}
	}
}

func TestReadOnlyReadsAndChangesNothing(t *testing.T) {
	path, m := closed(t, "body")
	before, _ := os.ReadFile(path)
	s, err := Open(Options{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), m.ID); err != nil {
		t.Error(err)
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Messages != 1 || st.UsedBytes >= st.FileBytes {
		t.Errorf("%+v %v", st, err)
	}
	again := relay.Message{ID: spool.NewID()}
	if err := s.Accept(t.Context(), &spool.Incoming{Message: &again, Recipients: spooltest.Recipients("a", "x@example.com"), Body: strings.NewReader("")}); err == nil {
		t.Error("it took mail in")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestWhatWasHalfStagedIsSwept(t *testing.T) {
	s := openTest(t, Options{})
	kept := spooltest.Accept(t, s, strings.Repeat("k", 600_000), spooltest.Recipients("a", "x@example.com")...)
	pr, pw := io.Pipe()
	given := make(chan error)
	go func() {
		m := relay.Message{ID: spool.NewID()}
		given <- s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "x@example.com"), Body: pr})
	}()
	if _, err := pw.Write(make([]byte, 3*stageChunks*chunkSize+10)); err != nil {
		t.Fatal(err)
	}
	if n := countKeys(t, s, bucketStaged); n != 1 {
		t.Fatalf("%d bodies are staged", n)
	}
	crashed := copyOf(t, s)
	pw.CloseWithError(errors.New("gone"))
	if err := <-given; err == nil {
		t.Fatal("it was accepted")
	}
	if n := countKeys(t, s, bucketStaged); n != 0 {
		t.Errorf("%d bodies stay staged after the client has gone", n)
	}
	again, err := Open(crashed)
	if err != nil {
		t.Fatal(err)
	}
	closeVerified(t, again)
	if n := countKeys(t, again, bucketStaged); n != 0 {
		t.Errorf("%d bodies stay staged after a crash", n)
	}
	if n := countKeys(t, again, bucketBodies); n != 600_000/chunkSize+1 {
		t.Errorf("%d chunks are left, want those of %s", n, kept.ID)
	}
}

func countKeys(t *testing.T, s *Store, bucket string) (n int) {
	t.Helper()
	err := s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucket)).ForEach(func(_, _ []byte) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func copyOf(t *testing.T, s *Store) Options {
	t.Helper()
	b, err := os.ReadFile(s.opt.Path)
	if err != nil {
		t.Fatal(err)
	}
	opt := s.opt
	opt.Path = filepath.Join(t.TempDir(), "spool.db")
	if err := os.WriteFile(opt.Path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return opt
}

func TestRefreshTokensSurvive(t *testing.T) {
	s := openTest(t, Options{})
	if err := s.KeepRefreshToken("m365", "secret-1"); err != nil {
		t.Fatal(err)
	}
	s = restart(t, s, false)
	if got, err := s.RefreshToken("m365"); got != "secret-1" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if got, err := s.RefreshToken("other"); got != "" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

func TestInstanceStays(t *testing.T) {
	s := openTest(t, Options{})
	was := s.Instance()
	if len(was) != 16 {
		t.Fatalf("instance %q", was)
	}
	if s = restart(t, s, false); s.Instance() != was {
		t.Errorf("it was %s and is %s", was, s.Instance())
	}
}
