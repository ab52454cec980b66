package spooltest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// incoming makes a message that nobody has accepted yet.
func incoming(body string, to ...relay.Recipient) *spool.Incoming {
	return &spool.Incoming{
		Message: &relay.Message{
			ID: spool.NewID(), MessageID: "<m@example.com>", From: "app@example.com",
			ReceivedAt: time.Now().UTC(), Listener: "local", Client: "127.0.0.1",
		},
		Recipients: to,
		Body:       strings.NewReader(body),
	}
}

// kinds lists the events of a message.
func (s *suite) kinds(t *testing.T, id relay.ID) string {
	t.Helper()
	e, err := s.s.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	var kinds []string
	for _, v := range e.Events {
		kinds = append(kinds, string(v.Kind))
	}
	return strings.Join(kinds, " ")
}

// acceptEvents covers one that waits, and one of which nothing is left to do.
func (s *suite) acceptEvents(t *testing.T) {
	s.s.Open("a", true)
	for _, state := range []relay.State{relay.Queued, relay.Deleted} {
		in := incoming("x", Recipients("a", "x@example.com")...)
		in.Message.Repaired = "Message-ID added"
		in.Recipients[0].State = state
		in.Events = []relay.Event{
			{Kind: relay.EventRepaired, At: time.Now().UTC(), Detail: "Message-ID added"},
			{Kind: relay.EventRedirected, At: time.Now().UTC(), To: "y@example.com"},
		}
		if err := s.s.Accept(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		s.s = s.Restart(t, true)
		s.s.Open("a", true)
		e, err := s.s.Get(t.Context(), in.Message.ID)
		if err != nil || len(e.Events) != 2 || e.Message.Repaired != "Message-ID added" {
			t.Fatalf("%+v, %v", e, err)
		}
		got := e.Events[0]
		if got.Kind != relay.EventRepaired || got.Detail != "Message-ID added" || got.Message != in.Message.ID || got.From != in.Message.From {
			t.Fatalf("the event is %+v", got)
		}
		if state == relay.Deleted {
			continue
		}
		s.settle(t, s.claimOne(t, "a"), relay.Delivered)
		if got := s.kinds(t, in.Message.ID); got != "repaired redirected delivered" {
			t.Fatalf("events %s", got)
		}
	}
}

// completing is a reader that completes a message when its body ends.
type completing struct {
	io.Reader
	complete func()
}

func (c completing) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		c.complete()
	}
	return n, err
}

func (s *suite) completedLate(t *testing.T) {
	s.s.Open("a", true)
	for _, size := range []int{0, 10, 500_000} {
		in := incoming("")
		in.Body = completing{strings.NewReader(strings.Repeat("x", size)), func() {
			in.Message.Subject = "known at the end"
			in.Recipients = Recipients("a", "x@example.com")
			in.Events = []relay.Event{{Kind: relay.EventRepaired}}
			in.Dedupe = &spool.Dedupe{Key: [32]byte{byte(size)}, Digest: [32]byte{1}, Until: time.Now().Add(time.Hour)}
		}}
		if err := s.s.Accept(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if d := s.claimOne(t, "a"); d.Message != *in.Message || d.Message.Subject == "" || d.Message.Size != int64(size) {
			t.Fatalf("claimed %+v", d)
		}
		if got := s.kinds(t, in.Message.ID); got != "repaired" {
			t.Fatalf("events %s", got)
		}
		again := incoming("x", Recipients("a", "x@example.com")...)
		again.Dedupe = in.Dedupe
		if err := s.s.Accept(t.Context(), again); !errors.Is(err, spool.ErrDuplicate) {
			t.Fatalf("the key was not seen: %v", err)
		}
	}
}

// keyed takes a message in under a key and gives its id, and what the store
// says.
func (s *suite) keyed(t *testing.T, body string, key, digest byte, until time.Time) (id, before relay.ID, err error) {
	t.Helper()
	in := incoming(body, Recipients("a", "x@example.com")...)
	in.Dedupe = &spool.Dedupe{Key: [32]byte{key}, Digest: [32]byte{digest}, Until: until}
	err = s.s.Accept(t.Context(), in)
	return in.Message.ID, in.Dedupe.Before, err
}

// dedupe covers bodies that are held in memory and ones that are staged.
func (s *suite) dedupe(t *testing.T) {
	until := time.Now().Add(time.Hour)
	for i, body := range []string{"", "small", strings.Repeat("large", 200_000)} {
		key := byte(i)
		first, before, err := s.keyed(t, body, key, 1, until)
		if err != nil || before != "" {
			t.Fatalf("the first: %v, before %q", err, before)
		}
		s.s = s.Restart(t, i%2 == 0)
		second, before, err := s.keyed(t, body, key, 1, until)
		if !errors.Is(err, spool.ErrDuplicate) || before != first {
			t.Fatalf("the second: %v, before %q, want %q", err, before, first)
		}
		if _, err := s.s.Get(t.Context(), second); !errors.Is(err, spool.ErrNotFound) {
			t.Fatalf("the second was stored: %v", err)
		}
		other, before, err := s.keyed(t, body, key, 2, until)
		if err != nil || before != first {
			t.Fatalf("another message: %v, before %q, want %q", err, before, first)
		}
		if _, before, err = s.keyed(t, body, key, 2, until); !errors.Is(err, spool.ErrDuplicate) || before != other {
			t.Fatalf("the other once more: %v, before %q, want %q", err, before, other)
		}
		if _, _, err := s.keyed(t, body, key+100, 1, until); err != nil {
			t.Fatalf("another key: %v", err)
		}
	}
	s.s.Open("a", true)
	if due, _ := s.claim(t, "a", 100); len(due) != 9 {
		t.Fatalf("%d messages are due, want three of each size", len(due))
	}
}

// dedupeForgets covers keys whose time is over, more than a batch of them.
func (s *suite) dedupeForgets(t *testing.T) {
	until := time.Now().Add(time.Hour)
	first, _, err := s.keyed(t, "x", 1, 1, until)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		in := incoming("x", Recipients("a", "x@example.com")...)
		in.Dedupe = &spool.Dedupe{Key: [32]byte{9, byte(i), byte(i >> 8)}, Until: until}
		if err := s.s.Accept(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Hour - time.Second) // of the bubble's clock
	if _, before, err := s.keyed(t, "x", 1, 1, until.Add(time.Hour)); !errors.Is(err, spool.ErrDuplicate) || before != first {
		t.Fatalf("within the time: %v, before %q", err, before)
	}
	time.Sleep(time.Second)
	again, before, err := s.keyed(t, "x", 1, 1, until.Add(time.Hour))
	if err != nil || before != "" {
		t.Fatalf("after the time: %v, before %q", err, before)
	}
	time.Sleep(10 * time.Minute) // what is pruned meanwhile is what is over
	if _, before, err := s.keyed(t, "x", 1, 1, until); !errors.Is(err, spool.ErrDuplicate) || before != again {
		t.Fatalf("the key was forgotten: %v, before %q, want %q", err, before, again)
	}
}

// dedupeOfMany: of those that come at the same time exactly one is new, and the
// others are told its id.
func (s *suite) dedupeOfMany(t *testing.T) {
	for round := range 10 {
		body := "small"
		if round%5 == 0 {
			body = strings.Repeat("large", 100_000)
		}
		var mu sync.Mutex
		var stored []relay.ID
		told := make(map[relay.ID]int)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				id, before, err := s.keyed(t, body, byte(round), 1, time.Now().Add(time.Hour))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					stored = append(stored, id)
				case errors.Is(err, spool.ErrDuplicate):
					told[before]++
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(stored) != 1 || told[stored[0]] != 15 {
			t.Fatalf("%v were stored, and told of were %v", stored, told)
		}
	}
	st, err := s.s.Stats(t.Context())
	if err != nil || st.Messages != 10 {
		t.Fatalf("%d messages, %v", st.Messages, err)
	}
}

// brokenKeyed: a body that breaks off leaves its key unused.
func (s *suite) brokenKeyed(t *testing.T) {
	for _, size := range []int{10, 500_000} {
		in := incoming("", Recipients("a", "x@example.com")...)
		cause := fmt.Errorf("gone after %d", size)
		in.Body = io.MultiReader(strings.NewReader(strings.Repeat("x", size)), failing{cause})
		in.Dedupe = &spool.Dedupe{Key: [32]byte{byte(size)}, Until: time.Now().Add(time.Hour)}
		if err := s.s.Accept(t.Context(), in); !errors.Is(err, cause) {
			t.Fatal(err)
		}
		if _, before, err := s.keyed(t, "x", byte(size), 0, time.Now().Add(time.Hour)); err != nil || before != "" {
			t.Fatalf("%v, before %q", err, before)
		}
	}
}

// failing is a reader that gives an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
