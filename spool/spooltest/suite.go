package spooltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Fixture is one store under test.
type Fixture struct {
	Store spool.Store
	// Restart ends the process that owns the store, as a crash would where
	// crash is set, and opens it anew.
	Restart func(t *testing.T, crash bool) spool.Store
}

// Run runs the conformance suite. open is called inside a testing/synctest
// bubble, so that the clock is the suite's, and must register what closes the
// store by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"accepted mail is there whole", (*suite).acceptWhole},
		{"a broken body leaves nothing", (*suite).brokenBody},
		{"an id is used once", (*suite).idOnce},
		{"closed lanes get nothing", (*suite).closedLanes},
		{"a lease keeps others away", (*suite).lease},
		{"recipients are split over deliveries", (*suite).split},
		{"recipients are split by domain", (*suite).splitByDomain},
		{"high before normal before low", (*suite).priority},
		{"what is due later waits", (*suite).dueLater},
		{"the first open lane takes", (*suite).firstOpen},
		{"each recipient has its own fate", (*suite).fates},
		{"what is told of a message stays with it", (*suite).told},
		{"finished mail moves to the history", (*suite).history},
		{"a marked delivery becomes a doubt", (*suite).doubt},
		{"an unmarked delivery is simply due again", (*suite).unmarked},
		{"expiry takes queued and held", (*suite).expiry},
		{"another routing table waits for reroute", (*suite).reroute},
		{"what was routed before the table changed follows", (*suite).late},
		{"what an operator does while the table changes follows", (*suite).actedWhileChanging},
		{"list filters and orders", (*suite).list},
		{"stats count", (*suite).stats},
		{"low priority is not starved", (*suite).starving},
		{"what is finished at accept is history", (*suite).discarded},
		{"an incident has one number", (*suite).incident},
		{"an incident releases what it holds", (*suite).release},
		{"the state of a lane is kept", (*suite).laneState},
		{"an operator acts on what a filter selects", (*suite).acted},
		{"an operator leaves alone what is being sent", (*suite).actedBesideSending},
		{"an operator has failed mail tried again", (*suite).actedOnHistory},
		{"what an operator ends is reported", (*suite).actedReports},
		{"an intent is carried out when the attempt ends", (*suite).intended},
		{"an intent is withdrawn or replaced", (*suite).intendedAnew},
		{"an intent outlives a crash", (*suite).intendedCrash},
		{"an intent comes as the attempt ends", (*suite).intendedLate},
		{"what an intent ends is reported", (*suite).intendedReports},
		{"events of an accept are kept", (*suite).acceptEvents},
		{"a body may complete its message", (*suite).completedLate},
		{"what comes twice is stored once", (*suite).dedupe},
		{"keys are forgotten in time", (*suite).dedupeForgets},
		{"of many at once one is new", (*suite).dedupeOfMany},
		{"a broken body uses no key up", (*suite).brokenKeyed},
		{"notices are stored with their settlement", (*suite).notices},
		{"a bad notice changes nothing", (*suite).badNotices},
		{"the last delivery reports for all", (*suite).reportTogether},
		{"one of many at once reports for all", (*suite).reportAtOnce},
		{"a report waits for those not tried yet", (*suite).reportInParts},
		{"a report that was left is handed out", (*suite).reportLeft},
		{"a message waits for its report", (*suite).reportOutlivesItsMessage},
		{"a report that nobody wants ends", (*suite).reportNobodyWants},
		{"doubts report, too", (*suite).reportDoubts},
		{"delay warnings are due in time", (*suite).warnings},
		{"a reroute sets warnings", (*suite).warningsRerouted},
		{"what an incident releases to one address is sent once", (*suite).releaseMerges},
		{"a reroute tells what it has stored", (*suite).rerouteTells},
		{"signatures are kept", (*suite).signatures},
		{"unknown ids are not found", (*suite).unknown},
		{"random histories keep the promises", (*suite).random},
		{"random histories bounce what is bounced", (*suite).randomBounces},
	} {
		// Not in parallel: each case has a clock of its own, and spool.NewID, one
		// for all, keeps ids in order for a clock that does not go back.
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t)
				c.run(&suite{Fixture: f, s: f.Store}, t)
			})
		})
	}
}

// suite is one running case.
type suite struct {
	Fixture
	s spool.Store
}

// Recipients makes queued recipients for a chain of upstreams.
func Recipients(chain string, addresses ...string) []relay.Recipient {
	var to []relay.Recipient
	for _, a := range addresses {
		to = append(to, relay.Recipient{
			Address: a, Route: "default", Eligible: strings.Split(chain, ","),
			NextAttempt: time.Now(), ExpiresAt: time.Now().Add(5 * 24 * time.Hour),
		})
	}
	return to
}

// Accept puts a message into a store.
func Accept(t *testing.T, s spool.Store, body string, to ...relay.Recipient) relay.Message {
	t.Helper()
	m := relay.Message{
		ID: spool.NewID(), MessageID: "<m@example.com>", Subject: "hello", From: "app@example.com",
		ReceivedAt: time.Now().UTC(), Listener: "local", Client: "127.0.0.1",
	}
	if err := s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader(body)}); err != nil {
		t.Fatalf("Accept: %v", err)
	}
	return m
}

func (s *suite) claim(t *testing.T, lane string, max int) ([]spool.Delivery, time.Time) {
	t.Helper()
	due, next, err := s.s.Claim(t.Context(), lane, spool.Limit{Messages: max, Recipients: 100})
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	return due, next
}

func (s *suite) claimOne(t *testing.T, lane string) spool.Delivery {
	t.Helper()
	due, _ := s.claim(t, lane, 1)
	if len(due) != 1 {
		t.Fatalf("%d deliveries are due for %s, want one", len(due), lane)
	}
	return due[0]
}

func (s *suite) none(t *testing.T, lane string) {
	t.Helper()
	if due, _ := s.claim(t, lane, 1); len(due) != 0 {
		t.Fatalf("%s was given %s %v", lane, due[0].Message.ID, due[0].Recipients)
	}
}

// settle gives the recipients of a delivery a state, one each in order.
func (s *suite) settle(t *testing.T, d spool.Delivery, states ...relay.State) {
	t.Helper()
	out := spool.Settlement{Recipients: slices.Clone(d.Recipients)}
	for i := range out.Recipients {
		r := &out.Recipients[i]
		r.State, r.Attempts, r.Upstream = states[i], r.Attempts+1, d.Lane
		if r.State.Finished() {
			r.FinishedAt = time.Now().UTC()
		}
		out.Events = append(out.Events, relay.Event{
			Kind: relay.EventKind(r.State.String()), At: time.Now().UTC(), Message: d.Message.ID, To: r.Address, Upstream: d.Lane,
		})
	}
	if err := s.s.Settle(t.Context(), &d, out); err != nil {
		t.Fatalf("Settle: %v", err)
	}
}

func (s *suite) states(t *testing.T, id relay.ID) string {
	t.Helper()
	e, err := s.s.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	var states []string
	for _, r := range e.Recipients {
		states = append(states, r.State.String())
	}
	return strings.Join(states, " ")
}

func (s *suite) read(t *testing.T, m relay.Message) string {
	t.Helper()
	return readAll(t, s.s, m)
}

func readAll(t *testing.T, s spool.Store, m relay.Message) string {
	t.Helper()
	r, err := s.Body(m).Open()
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(b)
}

// acceptWhole covers bodies around the bounds of chunks and of staging.
func (s *suite) acceptWhole(t *testing.T) {
	const chunk = 64*1024 - 512
	for _, size := range []int{0, 1, 10_000, chunk - 1, chunk, chunk + 1, 4*chunk - 1, 4 * chunk, 4*chunk + 1, 8 * chunk, 1_000_000} {
		body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		m := Accept(t, s.s, body, Recipients("a", "x@example.com")...)
		if m.Size != int64(size) {
			t.Fatalf("size %d, want %d", m.Size, size)
		}
		if got := s.read(t, m); got != body {
			t.Fatalf("the body of %d bytes came back with %d, or changed", size, len(got))
		}
		e, err := s.s.Get(t.Context(), m.ID)
		if err != nil || e.Message != m {
			t.Fatalf("Get: %v\n got %+v\nwant %+v", err, e.Message, m)
		}
	}
}

func (s *suite) brokenBody(t *testing.T) {
	for _, cause := range []error{errors.New("the client went away"), io.ErrUnexpectedEOF} {
		for _, size := range []int{0, 1000, 64*1024 - 512, 700_000} {
			m := relay.Message{ID: spool.NewID(), From: "a@example.com"}
			body := io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(cause))
			if err := s.s.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: Recipients("a", "x@example.com"), Body: body}); !errors.Is(err, cause) {
				t.Fatalf("Accept gave %v, want %v", err, cause)
			}
			if _, err := s.s.Get(t.Context(), m.ID); !errors.Is(err, spool.ErrNotFound) {
				t.Fatalf("Get gave %v", err)
			}
		}
	}
	s.s.Open("a", true)
	s.none(t, "a")
}

func (s *suite) idOnce(t *testing.T) {
	m := Accept(t, s.s, "first", Recipients("a", "x@example.com")...)
	again := m
	if err := s.s.Accept(t.Context(), &spool.Incoming{Message: &again, Recipients: Recipients("a", "y@example.com"), Body: strings.NewReader("second")}); err == nil {
		t.Fatal("an id was taken twice")
	}
	if got := s.read(t, m); got != "first" {
		t.Fatalf("the body is %q now", got)
	}
}

func (s *suite) closedLanes(t *testing.T) {
	Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	s.none(t, "a")
	s.s.Open("a", true)
	select {
	case <-s.s.Ready("a"):
	default:
		t.Fatal("opening a lane does not wake it")
	}
	d := s.claimOne(t, "a")
	s.s.Release(&d)
	s.s.Open("a", false)
	s.none(t, "a")
}

func (s *suite) lease(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	select {
	case <-s.s.Ready("a"):
	default:
		t.Fatal("new mail does not wake its lane")
	}
	d := s.claimOne(t, "a")
	if d.Attempt != 1 || d.Lane != "a" || d.Message != m || len(d.Recipients) != 1 {
		t.Fatalf("claimed %+v", d)
	}
	s.none(t, "a")
	if got := s.states(t, m.ID); got != "sending" {
		t.Fatalf("state %s", got)
	}
	s.s.Release(&d)
	d = s.claimOne(t, "a")
	s.settle(t, d, relay.Delivered)
	s.none(t, "a")
	if got := s.states(t, m.ID); got != "delivered" {
		t.Fatalf("state %s", got)
	}
}

func (s *suite) split(t *testing.T) {
	s.s.Open("a", true)
	var addresses []string
	for i := range 5 {
		addresses = append(addresses, fmt.Sprintf("r%d@example.com", i))
	}
	m := Accept(t, s.s, "x", Recipients("a", addresses...)...)
	seen := map[string]int{}
	for _, want := range []int{2, 2, 1} {
		due, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 2})
		if err != nil || len(due) != 1 || len(due[0].Recipients) != want {
			t.Fatalf("claimed %v (%v), want %d recipients", due, err, want)
		}
		for _, r := range due[0].Recipients {
			seen[r.Address]++
		}
		defer s.settle(t, due[0], slices.Repeat([]relay.State{relay.Delivered}, want)...)
	}
	s.none(t, "a")
	if len(seen) != 5 {
		t.Fatalf("seen %v", seen)
	}
	if got := s.states(t, m.ID); got != "sending sending sending sending sending" {
		t.Fatalf("states %s", got)
	}
}

// splitByDomain claims recipients of three domains, in whatever case, by the
// domain.
func (s *suite) splitByDomain(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "1@x.example", "2@y.example", "3@X.example", "4@z.example", "5@x.example")...)
	limit := spool.Limit{Messages: 2, Recipients: 2, OneDomain: true}
	var got []string
	for range 2 {
		due, _, err := s.s.Claim(t.Context(), "a", limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range due {
			var to []string
			for i, r := range d.Recipients {
				if d.Message.ID != m.ID || d.Index[i] != int(r.Address[0]-'1') {
					t.Errorf("the place of %s is %d", r.Address, d.Index[i])
				}
				to = append(to, r.Address)
			}
			got = append(got, strings.Join(to, " "))
			defer s.settle(t, d, slices.Repeat([]relay.State{relay.Delivered}, len(to))...)
		}
	}
	if want := []string{"1@x.example 3@X.example", "2@y.example", "4@z.example", "5@x.example"}; !slices.Equal(got, want) {
		t.Errorf("claimed %q, want %q", got, want)
	}
	s.none(t, "a")
}

func (s *suite) priority(t *testing.T) {
	s.s.Open("a", true)
	var want []relay.ID
	ids := map[relay.Priority]relay.ID{}
	for _, p := range []relay.Priority{relay.Low, relay.High, relay.Normal} {
		to := Recipients("a", "x@example.com")
		to[0].Priority = p
		ids[p] = Accept(t, s.s, "x", to...).ID
	}
	want = []relay.ID{ids[relay.High], ids[relay.Normal], ids[relay.Low]}
	due, _ := s.claim(t, "a", 10)
	var got []relay.ID
	for _, d := range due {
		got = append(got, d.Message.ID)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("order %v, want %v", got, want)
	}
}

func (s *suite) dueLater(t *testing.T) {
	s.s.Open("a", true)
	to := Recipients("a", "x@example.com")
	at := time.Now().Add(time.Hour).UTC()
	to[0].NextAttempt = at
	Accept(t, s.s, "x", to...)
	due, next := s.claim(t, "a", 1)
	if len(due) != 0 || !next.Equal(at) {
		t.Fatalf("%d due, next %v, want none before %v", len(due), next, at)
	}
	time.Sleep(time.Until(at)) // of the bubble's clock
	s.claimOne(t, "a")
}

func (s *suite) firstOpen(t *testing.T) {
	m := Accept(t, s.s, "x", Recipients("a,b,c", "x@example.com")...)
	s.s.Open("c", true)
	s.s.Open("b", true)
	s.none(t, "c")
	d := s.claimOne(t, "b")
	s.s.Release(&d)
	s.s.Open("b", false)
	d = s.claimOne(t, "c")
	s.s.Release(&d)
	s.s.Open("a", true)
	s.none(t, "c")
	d = s.claimOne(t, "a")
	if d.Message.ID != m.ID {
		t.Fatal("another message")
	}
	// Failed at a: b and c are left.
	out := spool.Settlement{Recipients: slices.Clone(d.Recipients)}
	out.Recipients[0].Eligible = []string{"b", "c"}
	if err := s.s.Settle(t.Context(), &d, out); err != nil {
		t.Fatal(err)
	}
	s.none(t, "a")
	s.claimOne(t, "c")
}

func (s *suite) fates(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "body", Recipients("a", "1@example.com", "2@example.com", "3@example.com")...)
	d := s.claimOne(t, "a")
	s.settle(t, d, relay.Delivered, relay.Queued, relay.Bounced)
	if got := s.states(t, m.ID); got != "delivered queued bounced" {
		t.Fatalf("states %s", got)
	}
	d = s.claimOne(t, "a")
	if len(d.Recipients) != 1 || d.Recipients[0].Address != "2@example.com" || d.Attempt != 2 {
		t.Fatalf("claimed %+v", d)
	}
	if got := s.read(t, m); got != "body" {
		t.Fatalf("body %q", got)
	}
	s.settle(t, d, relay.Held)
	s.none(t, "a")
}

func (s *suite) history(t *testing.T) {
	s.s.Open("a", true)
	m := Accept(t, s.s, "x", Recipients("a", "x@example.com")...)
	s.settle(t, s.claimOne(t, "a"), relay.Delivered)
	e, err := s.s.Get(t.Context(), m.ID)
	if err != nil || len(e.Events) != 1 || e.Events[0].Kind != relay.EventDelivered || e.HasBody {
		t.Fatalf("%+v %v", e, err)
	}
	if _, err := s.s.Body(m).Open(); !errors.Is(err, spool.ErrNotFound) {
		t.Fatalf("Open of a body that is gone: %v", err)
	}
	failed := Accept(t, s.s, "kept", Recipients("a", "x@example.com")...)
	s.settle(t, s.claimOne(t, "a"), relay.Bounced)
	if got := s.read(t, failed); got != "kept" {
		t.Fatalf("the body of failed mail: %q", got)
	}
}
