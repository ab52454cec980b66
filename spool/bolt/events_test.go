package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// tellOf settles the next delivery with an event that has this detail, and the
// message stays queued.
func tellOf(t *testing.T, s *Store, detail string, notices ...spool.Notice) relay.ID {
	t.Helper()
	d := claimOne(t, s, "a")
	err := s.Settle(t.Context(), &d, spool.Settlement{
		Recipients: d.Recipients, Notices: notices,
		Events: []relay.Event{{Kind: relay.EventDeferred, At: time.Now(), Detail: detail}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.Message.ID
}

func wantDetails(t *testing.T, s *Store, id relay.ID, want []string) {
	t.Helper()
	e, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range e.Events {
		got = append(got, e.Events[i].Detail)
	}
	if !slices.Equal(got, want) {
		t.Errorf("it has the events %.20q, want %.20q", got, want)
	}
}

// Events come back in their order wherever they lie: those that have room in
// the record, and all that came after one that had none.
func TestEventsComeInTheirOrder(t *testing.T) {
	large := strings.Repeat("x", maxTold/2)
	for _, c := range []struct {
		name   string
		told   []string
		beside int
	}{
		{"in the record", []string{"a", "b", "c"}, 0},
		{"one too large", []string{maxToldText()}, 1},
		{"no room left", []string{"a", large, large, large}, 2},
		{"a small one after a large one", []string{large, large, "a"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t, Options{})
			s.Open("a", true)
			m := spooltest.Accept(t, s, "body", spooltest.Recipients("a", "x@example.com")...)
			for _, detail := range c.told {
				tellOf(t, s, detail)
			}
			wantDetails(t, s, m.ID, c.told)
			if n := countKeys(t, s, bucketEvents); n != c.beside {
				t.Errorf("%d events lie beside the record, want %d", n, c.beside)
			}
			deliverAll(t, s, relay.Delivered)
			wantDetails(t, s, m.ID, append(slices.Clip(c.told), ""))
			if err := s.prune(time.Now().Add(s.opt.History + time.Hour)); err != nil {
				t.Fatal(err)
			}
			if n := countKeys(t, s, bucketEvents) + countKeys(t, s, bucketHistory); n != 0 {
				t.Errorf("%d keys are left of it", n)
			}
		})
	}
}

func maxToldText() string { return strings.Repeat("x", maxTold) }

// What is told beside the record is followed by what comes later.
func TestWhatIsToldBesideTheRecordKeepsItsPlace(t *testing.T) {
	s := openTest(t, Options{})
	s.Open("a", true)
	m := spooltest.Accept(t, s, "body", spooltest.Recipients("a", "x@example.com")...)
	tellOf(t, s, "first")
	tellOf(t, s, "second", spool.Notice{Told: []relay.Event{{Kind: relay.EventHeld, At: time.Now(), Detail: "third"}}})
	tellOf(t, s, "fourth")
	wantDetails(t, s, m.ID, []string{"first", "second", "third", "fourth"})
}

// An event that cannot be read costs a salvaged message that event only.
func TestSalvageLeavesOutWhatCannotBeRead(t *testing.T) {
	s := openTest(t, Options{})
	good, err := s.codec.EncodeEvent(&relay.Event{Kind: relay.EventAccepted, At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	rec := spool.Record{
		Message:    relay.Message{ID: spool.NewID()},
		Recipients: spooltest.Recipients("a", "x@example.com"),
		Told:       [][]byte{{0xff}, good, nil},
	}
	raw, err := s.codec.EncodeRecord(&rec)
	if err != nil {
		t.Fatal(err)
	}
	k, err := spool.KeyOf(rec.Message.ID)
	if err != nil {
		t.Fatal(err)
	}
	w := &salvage{to: s}
	if got, err := w.decode(k, raw); err != nil || len(got.Told) != 1 || !bytes.Equal(got.Told[0], good) {
		t.Errorf("%q, %v", got.Told, err)
	}
}

// walker does what may happen to messages, at random, and knows what it told.
type walker struct {
	t    *testing.T
	s    *Store
	r    *rand.Rand
	told map[relay.ID][]string
	n    int
}

func (w *walker) events(id relay.ID, most int) (all []relay.Event) {
	for range w.r.IntN(most + 1) {
		w.n++
		detail := fmt.Sprint(w.n, strings.Repeat("y", []int{0, 100, maxTold / 3, maxTold}[w.r.IntN(4)]))
		w.told[id] = append(w.told[id], detail)
		all = append(all, relay.Event{Kind: relay.EventDeferred, At: time.Now(), Detail: detail})
	}
	return all
}

func (w *walker) accept() {
	m := relay.Message{ID: spool.NewID(), From: "x@example.com", ReceivedAt: time.Now()}
	to := spooltest.Recipients("a", "x@example.com", "y@example.com")
	if w.r.IntN(6) == 0 {
		w.finish(to)
	}
	in := spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader("b"), Events: w.events(m.ID, 2)}
	if err := w.s.Accept(w.t.Context(), &in); err != nil {
		w.t.Fatal(err)
	}
}

func (w *walker) finish(to []relay.Recipient) {
	for i := range to {
		to[i].State, to[i].FinishedAt = relay.Bounced, time.Now()
	}
}

// settle settles several deliveries in one transaction, which an op may break:
// then each runs twice.
func (w *walker) settle() {
	due, _, err := w.s.Claim(w.t.Context(), "a", spool.Limit{Messages: 4, Recipients: 1 + w.r.IntN(2)})
	if err != nil {
		w.t.Fatal(err)
	}
	pull := plug(w.t, w.s)
	var ops []*op
	for i := range due {
		d := &due[i]
		k, err := spool.KeyOf(d.Message.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		to := slices.Clone(d.Recipients)
		if w.r.IntN(3) == 0 {
			w.finish(to)
		}
		out := spool.Settlement{Recipients: to, Events: w.events(d.Message.ID, 2)}
		out.Notices = []spool.Notice{{Told: w.events(d.Message.ID, w.r.IntN(2))}}
		l := w.s.leases.get(d.Lease)
		ops = append(ops, &op{run: func(b *batch) error { _, err := b.settle(k, d, &l, &out); return err }})
	}
	broken := &op{run: func(*batch) error { return errors.New("broken on purpose") }}
	for _, o := range append(slices.Clip(ops), broken) {
		if err := w.s.submit(w.t.Context(), o); err != nil {
			w.t.Fatal(err)
		}
	}
	pull()
	for _, o := range ops {
		if err := w.s.wait(w.t.Context(), o); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *walker) act() {
	err := w.s.Act(w.t.Context(), spool.Filter{AnyState: true}, func(in spool.Selected) *spool.Settlement {
		if len(in.Recipients) == 0 || !in.HasBody || w.r.IntN(3) > 0 {
			return nil
		}
		to := slices.Clone(in.Recipients)
		for i := range to {
			to[i].State, to[i].FinishedAt = relay.Queued, time.Time{}
		}
		return &spool.Settlement{Recipients: to, Events: w.events(in.Message.ID, 1)}
	}, func(spool.Selected, *spool.Settlement, []spool.Notice) {})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Whatever happens to messages, and however often a transaction is run, what was
// told of each comes back once and in its order.
func TestEventsOfARandomWalk(t *testing.T) {
	for seed := range uint64(10) {
		s := openTest(t, Options{})
		s.Open("a", true)
		w := &walker{t: t, s: s, r: rand.New(rand.NewPCG(seed, 7)), told: make(map[relay.ID][]string)}
		for range 60 {
			[]func(){w.accept, w.accept, w.settle, w.act}[w.r.IntN(4)]()
		}
		for id, want := range w.told {
			wantDetails(t, s, id, want)
		}
		if err := s.Verify(t.Context()); err != nil || t.Failed() {
			t.Fatal(seed, err)
		}
	}
}
