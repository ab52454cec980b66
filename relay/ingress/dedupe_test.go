package ingress

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// queuedID is the id in a reply to an accepted message.
func queuedID(reply string) relay.ID {
	return relay.ID(strings.TrimSpace(strings.TrimPrefix(reply, queuedPrefix)))
}

func keyed(t *testing.T) (*world, *spooltest.Memory) {
	store := spooltest.NewMemory()
	t.Cleanup(func() { store.Close() })
	w := start(t, func(_ *Options, d *Deps, _ *recorder) {
		d.Spool, d.NewID = store, spool.NewID
		d.Dedupe = &Dedupe{Header: "X-Relaykeep-Key", Window: time.Hour}
	})
	return w, store
}

func stored(t *testing.T, s *spooltest.Memory) []relay.ID {
	t.Helper()
	var ids []relay.ID
	err := s.List(context.Background(), spool.Filter{}, func(e spool.Entry) error {
		ids = append(ids, e.Message.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// What comes twice under a key is queued once, by DATA or by BDAT; what differs
// is new.
func TestDedupe(t *testing.T) {
	w, store := keyed(t)
	const text = "Subject: a\r\nX-Relaykeep-Key: k1\r\n%s\r\nbody\r\n"
	first := fmt.Sprintf(text, complete)
	d := w.greeted()
	id := queuedID(d.send(first, queuedPrefix))
	again := fmt.Sprintf(text, strings.NewReplacer("10:00", "10:05", "<1@x>", "<2@x>").Replace(complete))
	for name, reply := range map[string]string{
		"the same":               d.send(first, queuedPrefix),
		"with a date of its own": d.send(again, queuedPrefix),
	} {
		if got := queuedID(reply); got != id {
			t.Errorf("%s: queued as %q, want %q", name, got, id)
		}
	}
	d.envelope()
	if got := queuedID(d.chunk(first, " LAST", queuedPrefix)); got != id {
		t.Errorf("by BDAT it was queued as %q, want %q", got, id)
	}
	if e := w.sink.of(relay.EventAccepted); len(e) != 4 || e[1].Message != id || e[1].Detail != "came before under the same key; nothing new was queued" {
		t.Errorf("told %+v", e)
	}

	other := strings.Replace(first, "body", "another", 1)
	second := queuedID(d.send(other, queuedPrefix))
	if second == id {
		t.Errorf("a message that differs was taken for the same")
	}
	if e := w.sink.of(relay.EventAccepted)[4]; e.Detail != "another message than "+string(id)+", which came under the same key before" {
		t.Errorf("told %+v", e)
	}
	if got := stored(t, store); len(got) != 2 {
		t.Errorf("%d are stored", len(got))
	}
}

func TestDedupeIsNew(t *testing.T) {
	w, store := keyed(t)
	first := "Subject: a\r\nX-Relaykeep-Key: k1\r\n" + complete + "\r\nbody\r\n"
	d := w.greeted()
	d.send(first, queuedPrefix)
	d.send(strings.Replace(first, "k1", "k2", 1), queuedPrefix)
	d.send(strings.Replace(first, "k1", "", 1), queuedPrefix)
	d.send(strings.Replace(first, "X-Relaykeep-Key: k1\r\n", "", 1), queuedPrefix)
	d.send(strings.Replace(first, "X-Relaykeep-Key: k1\r\n", "", 1), queuedPrefix)
	d.ask("MAIL FROM:<a@from.example>", "250 ")
	d.ask("RCPT TO:<c@to.example>", "250 ")
	d.ask("DATA", "354 ")
	d.say(first)
	d.ask(".", queuedPrefix)
	if got := stored(t, store); len(got) != 6 {
		t.Errorf("%d are stored, want 6", len(got))
	}
}

// The key of one user is none of another's, and none of the client's.
func TestDedupeByUser(t *testing.T) {
	store := spooltest.NewMemory()
	t.Cleanup(func() { store.Close() })
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		withUsers(t, "joe:secret", "ann:secret")(o, d, r)
		d.Spool, d.NewID = store, spool.NewID
		d.Dedupe = &Dedupe{Header: "X-Key", Window: time.Hour}
	})
	for _, user := range []string{"joe", "ann", "joe", "", ""} {
		d := w.greeted()
		if user != "" {
			d.ask("AUTH PLAIN "+plain(user, "secret"), "235 ")
		}
		d.send("X-Key: k\r\n"+complete+"\r\nx\r\n", queuedPrefix)
	}
	if got := stored(t, store); len(got) != 3 {
		t.Errorf("%d are stored, want 3", len(got))
	}
}
