package bolt

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

const large = stageChunks*chunkSize + 1 // is staged

// An id that is in use is refused before a chunk is written, whatever the size
// of the bodies: the mail that has it stays whole.
func TestAnIDInUseIsLeftWhole(t *testing.T) {
	s := openTest(t, Options{})
	small, big := strings.Repeat("s", 1000), strings.Repeat("b", large)
	for _, c := range []struct{ name, first, second string }{
		{"large on small", small, big}, {"large on large", big, big[1:]}, {"small on large", big, small},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := spooltest.Accept(t, s, c.first, spooltest.Recipients("a", "x@example.com")...)
			again := m
			if err := s.Accept(t.Context(), &spool.Incoming{Message: &again, Recipients: spooltest.Recipients("a", "y@example.com"), Body: strings.NewReader(c.second)}); err == nil {
				t.Error("it was taken twice")
			}
			wantBody(t, s, m, c.first)
		})
	}
}

// The same while the first is still on its way in.
func TestAnIDOnItsWayInIsLeftWhole(t *testing.T) {
	for _, second := range []string{"small", strings.Repeat("x", large)} {
		s := openTest(t, Options{})
		first := strings.Repeat("b", large)
		m := relay.Message{ID: spool.NewID(), From: "a@example.com"}
		staged := io.MultiReader(strings.NewReader(first), then(func() error {
			again := m
			if err := s.Accept(t.Context(), &spool.Incoming{Message: &again, Recipients: spooltest.Recipients("a", "y@example.com"), Body: strings.NewReader(second)}); err == nil {
				t.Error("it was taken twice")
			}
			return io.EOF
		}))
		if err := s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "x@example.com"), Body: staged}); err != nil {
			t.Fatal(err)
		}
		wantBody(t, s, m, first)
	}
}

// then is a reader that does something and ends.
type then func() error

func (f then) Read([]byte) (int, error) { return 0, f() }

func wantBody(t *testing.T, s *Store, m relay.Message, want string) {
	t.Helper()
	r, err := s.Body(m).Open()
	if err != nil {
		t.Fatalf("the body: %v", err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != want {
		t.Errorf("the body came back with %d bytes of %d, %v", len(got), len(want), err)
	}
}

// A large body that breaks off leaves nothing, and its id may come again.
func TestABodyThatBrokeOffMayComeAgain(t *testing.T) {
	s := openTest(t, Options{})
	cause := errors.New("the client went away")
	m := relay.Message{ID: spool.NewID(), From: "a@example.com"}
	to := spooltest.Recipients("a", "x@example.com")
	body := strings.Repeat("b", 2*large)
	broken := io.MultiReader(strings.NewReader(body), iotest.ErrReader(cause))
	if err := s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: to, Body: broken}); !errors.Is(err, cause) {
		t.Fatal(err)
	}
	if n := countKeys(t, s, bucketBodies) + countKeys(t, s, bucketStaged); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	if err := s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
	wantBody(t, s, m, body)
}
