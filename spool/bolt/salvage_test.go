package bolt

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
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

// long makes the tests of damage try more of it.
var long = flag.Bool("long", false, "damage spools in many more ways, for minutes")

// ways is how many ways of damage are tried: few, or with -long many.
func ways(few int) int {
	if *long {
		return 50 * few
	}
	return few
}

// bodyOf gives the body of the message i of aFullSpool.
func bodyOf(i int) string {
	length := 300
	if i%10 == 3 {
		length = 400_000
	}
	return strings.Repeat(fmt.Sprintf("body %04d ", i), length/10)
}

// aFullSpool makes a file with 60 queued messages, small and large ones, of
// which one is about to be sent, 20 delivered ones and a bounced one. Its
// subject numbers each.
func aFullSpool(t testing.TB) []byte {
	t.Helper()
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "full.db"), History: time.Hour, KeepFailed: time.Hour, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Open("a", true)
	accept := func(i int) {
		m := relay.Message{ID: spool.NewID(), From: "from@example.com", Subject: fmt.Sprint(i), ReceivedAt: time.Now()}
		in := &spool.Incoming{
			Message: &m, Recipients: spooltest.Recipients("a", "x@example.com", "y@example.com"), Body: strings.NewReader(bodyOf(i)),
			Events: []relay.Event{{Kind: relay.EventAccepted, At: time.Now(), Message: m.ID}},
		}
		if err := s.Accept(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 21 {
		accept(1000 + i)
	}
	due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 21, Recipients: 10})
	if err != nil || len(due) != 21 {
		t.Fatalf("%d are due, %v", len(due), err)
	}
	for i := range due {
		for j := range due[i].Recipients {
			r := &due[i].Recipients[j]
			if r.State, r.FinishedAt = relay.Delivered, time.Now(); i == 0 {
				r.State, r.Reported = relay.Bounced, true
			}
		}
		if err := s.Settle(t.Context(), &due[i], spool.Settlement{Recipients: due[i].Recipients}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		accept(i)
	}
	due, _, err = s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 10})
	if err == nil {
		err = s.Mark(&due[0], []int{0}, nil)()
	}
	_, _, openErr := s.OpenIncident(t.Context(), relay.Incident{Cause: "x", Kind: relay.IncidentWarning})
	if err = errors.Join(err, openErr, s.KeepRefreshToken("a", "secret"), s.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(s.opt.Path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// salvaged is what is left of a damaged file.
type salvaged struct {
	Salvaged
	lost    []Lost
	queued  int
	history int
}

// salvageFrom salvages and looks whether what was saved is what was there.
func salvageFrom(t *testing.T, b []byte) salvaged {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "damaged.db"), filepath.Join(dir, "saved.db")
	if err := os.WriteFile(from, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var out salvaged
	var err error
	out.Salvaged, err = Salvage(t.Context(), from, to, func(l Lost) { out.lost = append(out.lost, l) })
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(from); !bytes.Equal(b, after) {
		t.Fatal("the damaged file was changed")
	}
	s, err := Open(Options{Path: to, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.List(t.Context(), spool.Filter{AnyState: true}, func(e spool.Entry) error {
		if e.Finished() {
			out.history++
			return nil
		}
		out.queued++
		i := -1
		_, _ = fmt.Sscan(e.Message.Subject, &i)
		r, err := s.Body(e.Message).Open()
		if err != nil {
			return err
		}
		defer r.Close()
		// A subject has no checksum: what it says may be damaged.
		if body, err := io.ReadAll(r); err != nil || i >= 0 && i < 60 && len(body) != len(bodyOf(i)) {
			t.Errorf("message %q: %d bytes, %v", e.Message.Subject, len(body), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSalvageOfAWholeFile(t *testing.T) {
	t.Parallel()
	got := salvageFrom(t, aFullSpool(t))
	if got.queued != 60 || got.history != 21 || got.Lost != 0 || !got.Problems.Sound() {
		t.Errorf("%d queued, %d finished, %d lost, %v", got.queued, got.history, got.Lost, got.Problems.Problems)
	}
}

func TestSalvageKeepsWhatBelongsToNoMessage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "damaged.db"), filepath.Join(dir, "saved.db")
	if err := os.WriteFile(from, aFullSpool(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Salvage(t.Context(), from, to, func(Lost) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := Salvage(t.Context(), from, to, func(Lost) {}); !errors.Is(err, os.ErrExist) {
		t.Errorf("%v", err)
	}
	s, err := Open(Options{Path: to, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	closeVerified(t, s)
	doubts, err := s.Doubts(t.Context())
	if err != nil || len(doubts) != 1 {
		t.Errorf("%v %v", doubts, err)
	}
	if token, err := s.RefreshToken("a"); token != "secret" || err != nil {
		t.Errorf("%q %v", token, err)
	}
	if all, err := s.Incidents(t.Context(), false); err != nil || len(all) != 1 {
		t.Errorf("%v %v", all, err)
	}
	i, _, err := s.OpenIncident(t.Context(), relay.Incident{Cause: "y", Kind: relay.IncidentWarning})
	if err != nil || i.Number != 2 {
		t.Errorf("%+v %v", i, err)
	}
	e, err := s.Get(t.Context(), doubts[0].Message.ID)
	if err != nil || len(e.Events) != 1 {
		t.Errorf("%+v %v", e, err)
	}
}

// Whichever page is damaged, what is missing is told.
func TestSalvageOfOneDamagedPage(t *testing.T) {
	t.Parallel()
	whole := aFullSpool(t)
	m, err := pages.ReadMeta(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	step := int(m.HighWater)/ways(6) + 1
	for id := 2; id < int(m.HighWater); id += step {
		b := bytes.Clone(whole)
		page := b[id*pageSize:][:pageSize]
		for i := range page {
			page[i] ^= 0x5a
		}
		got := salvageFrom(t, b)
		missing := 81 - got.queued - got.history
		if missing > 0 && got.Lost == 0 && got.Problems.Sound() {
			t.Errorf("page %d: %d messages are missing, and nothing is told", id, missing)
		}
	}
}

func TestSalvageOfFlippedBits(t *testing.T) {
	t.Parallel()
	whole := aFullSpool(t)
	best := 0
	for seed := range uint64(ways(4)) {
		rnd := rand.New(rand.NewPCG(seed, 62))
		b := bytes.Clone(whole)
		for range 1 + rnd.IntN(200) {
			b[2*pageSize+rnd.IntN(len(b)-2*pageSize)] ^= 1 << rnd.IntN(8)
		}
		got := salvageFrom(t, b)
		if missing := 81 - got.queued - got.history; missing > 0 && got.Lost == 0 && got.Problems.Sound() {
			t.Errorf("seed %d: %d messages are missing, and nothing is told", seed, missing)
		}
		best = max(best, got.queued)
	}
	if best < 40 {
		t.Errorf("%d messages were saved at the best", best)
	}
}

func TestSalvageOfACutFile(t *testing.T) {
	t.Parallel()
	whole := aFullSpool(t)
	for _, length := range []int{len(whole) - 1, len(whole) / 2, 10 * pageSize, 2*pageSize + 100} {
		got := salvageFrom(t, whole[:length])
		if missing := 81 - got.queued - got.history; missing > 0 && got.Lost == 0 && got.Problems.Sound() {
			t.Errorf("%d bytes: %d messages are missing, and nothing is told", length, missing)
		}
	}
}

// Verify never takes damage for soundness where something was lost, and never
// panics.
func TestVerifyTellsDamage(t *testing.T) {
	t.Parallel()
	whole := aFullSpool(t)
	path := filepath.Join(t.TempDir(), "damaged.db")
	for seed := range uint64(ways(8)) {
		rnd := rand.New(rand.NewPCG(seed, 63))
		b := bytes.Clone(whole)
		at := 2*pageSize + rnd.IntN(len(b)-2*pageSize)
		rnd2 := b[at:min(len(b), at+64)]
		for i := range rnd2 {
			rnd2[i] ^= byte(rnd.Uint32())
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := CheckFile(t.Context(), path, nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if r.Sound() && (r.Messages != 60 || r.History != 21) {
			t.Errorf("seed %d: sound, with %d and %d messages", seed, r.Messages, r.History)
		}
	}
}
