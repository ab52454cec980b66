package delivery

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
	"relaykeep/upstream"
)

// box is a spool in memory that can be made to fail.
type box struct {
	*spooltest.Memory
	settleErr error
	readErr   error // what reading a body ends in
	settled   atomic.Int64
	claimed   func() // called once by the next claim that gives something, before it does
}

func newBox() *box { return &box{Memory: spooltest.NewMemory()} }

func (b *box) Claim(ctx context.Context, lane string, limit spool.Limit) ([]spool.Delivery, time.Time, error) {
	due, next, err := b.Memory.Claim(ctx, lane, limit)
	if call := b.claimed; call != nil && len(due) > 0 {
		b.claimed = nil
		call()
	}
	return due, next, err
}

func (b *box) Settle(ctx context.Context, d *spool.Delivery, s spool.Settlement) error {
	if b.settleErr != nil {
		return b.settleErr
	}
	b.settled.Add(1)
	return b.Memory.Settle(ctx, d, s)
}

func (b *box) Body(m relay.Message) relay.Body {
	if b.readErr != nil {
		return unreadable{b.readErr}
	}
	return b.Memory.Body(m)
}

// unreadable is a body of which only the beginning can be read.
type unreadable struct{ err error }

func (b unreadable) Size() int64 { return 4 }

func (b unreadable) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("hi"), iotest.ErrReader(b.err))), nil
}

// put takes a message to these recipients in, as the listener does.
func (b *box) put(t testing.TB, to ...relay.Recipient) relay.ID {
	t.Helper()
	m := relay.Message{
		ID: spool.NewID(), MessageID: "<1@x.example>", From: "a@x.example", ReceivedAt: time.Now(),
	}
	if err := b.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: to, Body: strings.NewReader("Subject: hi\r\n\r\n")}); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

// entry reads a message back.
func (b *box) entry(t testing.TB, id relay.ID) spool.Entry {
	t.Helper()
	e, err := b.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// only reads the one recipient of a message back.
func (b *box) only(t testing.TB, id relay.ID) relay.Recipient {
	t.Helper()
	return b.entry(t, id).Recipients[0]
}

// kinds lists the kinds of the events stored with a message.
func (b *box) kinds(t testing.TB, id relay.ID) string {
	t.Helper()
	var all []string
	for _, e := range b.entry(t, id).Events {
		all = append(all, string(e.Kind))
	}
	return strings.Join(all, " ")
}

// provider is a transport that answers by a script.
type provider struct {
	// answer gives the verdict for the n-th attempt (from 1) at a recipient.
	answer func(ctx context.Context, n int, m relay.Message, to relay.Recipient) relay.Verdict
	probe  func(n int) relay.Verdict

	mu       sync.Mutex
	asked    []string // addresses, in order
	times    []time.Time
	ids      []relay.ID
	probes   []time.Time
	inFlight int
	most     int
}

func (p *provider) Deliver(ctx context.Context, m relay.Message, to []relay.Recipient, h upstream.Handover) []relay.Verdict {
	p.mu.Lock()
	n := len(p.ids) + 1
	p.ids = append(p.ids, m.ID)
	p.times = append(p.times, time.Now())
	p.inFlight++
	p.most = max(p.most, p.inFlight)
	for _, r := range to {
		p.asked = append(p.asked, r.Address)
	}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.inFlight--
		p.mu.Unlock()
	}()
	verdicts := make([]relay.Verdict, len(to))
	var accepted []int
	for i, r := range to {
		verdicts[i] = p.answer(ctx, n, m, r)
		if c := verdicts[i].Class; c == relay.ClassDelivered || c == relay.ClassUnknown {
			accepted = append(accepted, i)
		}
	}
	_, b, err := h.Prepare(ctx, upstream.Capabilities{})
	if err == nil {
		err = readAll(b)
	}
	if err != nil {
		return slices.Repeat([]relay.Verdict{{Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionRetry}}, len(to))
	}
	if len(accepted) > 0 {
		if err := h.Mark(accepted)(); err != nil {
			return slices.Repeat([]relay.Verdict{{Class: relay.ClassDeferred, Free: true}}, len(to))
		}
	}
	return verdicts
}

func readAll(b relay.Body) error {
	r, err := b.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

func (p *provider) Probe(context.Context) relay.Verdict {
	p.mu.Lock()
	p.probes = append(p.probes, time.Now())
	n := len(p.probes)
	p.mu.Unlock()
	if p.probe == nil {
		return ok
	}
	return p.probe(n)
}

func (p *provider) Close() error { return nil }

func (p *provider) attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ids)
}

func (p *provider) probed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.probes)
}

// The verdicts of the scripts.
var (
	ok          = relay.Verdict{Class: relay.ClassDelivered, Action: relay.ActionDone, Stage: relay.StageBody, Code: 250, RemoteID: "R1"}
	refused     = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionFailover, Stage: relay.StageDial, Text: "connection refused", Free: true}
	reset       = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionFailover, Stage: relay.StageData, Text: "connection reset"}
	paused      = relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeUpstream, Action: relay.ActionDisable, Stage: relay.StageBody, Code: 554, Text: "Sending paused for this account"}
	badLogin    = relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeUpstream, Action: relay.ActionDisable, Stage: relay.StageAuth, Code: 535, Text: "bad credentials", Free: true}
	busy        = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionRetry, Stage: relay.StageBody, Code: 451, Text: "try again"}
	greylist    = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeRecipient, Action: relay.ActionRetry, Stage: relay.StageRcpt, Code: 450, Text: "greylisted"}
	noUser      = relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeRecipient, Action: relay.ActionBounce, Stage: relay.StageRcpt, Code: 550, Text: "no such user"}
	tooLong     = relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeMessage, Action: relay.ActionFailover, Then: relay.ActionBounce, Stage: relay.StageMail, Code: 552, Text: "too long"}
	unverif     = relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeSender, Action: relay.ActionHold, Stage: relay.StageBody, Code: 554, Enhanced: "5.7.1", Text: "not verified", Rule: "ses-unverified"}
	quotaUsed   = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionFailover, Then: relay.ActionPark, Stage: relay.StageBody, Code: 454, Text: "Daily quota", RetryAfter: time.Hour}
	throttled   = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeUpstream, Action: relay.ActionSlow, Stage: relay.StageBody, Code: 454, Text: "Maximum sending rate"}
	lost        = relay.Verdict{Class: relay.ClassUnknown, Scope: relay.ScopeUpstream, Action: relay.ActionRetry, Stage: relay.StageBody, Text: "connection lost"}
	interrupted = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionRetry, Stage: relay.StageBody, Rule: "interrupted", Free: true}
)

// local is v as we say it ourselves, without asking.
func local(v relay.Verdict) relay.Verdict {
	v.Local = true
	return v
}

// always answers every attempt the same.
func always(v relay.Verdict) *provider {
	return &provider{
		answer: func(context.Context, int, relay.Message, relay.Recipient) relay.Verdict { return v },
		probe:  func(int) relay.Verdict { return v },
	}
}

// stalled answers only when the attempt is broken off.
func stalled(v relay.Verdict) *provider {
	return &provider{answer: func(ctx context.Context, _ int, _ relay.Message, _ relay.Recipient) relay.Verdict {
		<-ctx.Done()
		return v
	}}
}

// each answers the n-th attempt with the n-th verdict, then with the last.
func each(vs ...relay.Verdict) *provider {
	return &provider{answer: func(_ context.Context, n int, _ relay.Message, _ relay.Recipient) relay.Verdict {
		return vs[min(n, len(vs))-1]
	}}
}

// doubling is the policy of these tests: a minute, then twice as long each
// time, up to an hour.
type doubling struct{ most int }

func (p doubling) Delay(attempts int, _ float64) (time.Duration, bool) {
	if p.most > 0 && attempts >= p.most {
		return 0, false
	}
	return min(time.Minute<<min(attempts-1, 20), time.Hour), true
}

// tape records events.
type tape struct {
	mu     sync.Mutex
	events []relay.Event
}

func (t *tape) Emit(e relay.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
}

// of lists the events of a kind.
func (t *tape) of(kind relay.EventKind) []relay.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []relay.Event
	for _, e := range t.events {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// to makes a queued recipient of the route "default", due now, good for five
// days.
func to(address string, eligible ...string) relay.Recipient {
	now := time.Now()
	return relay.Recipient{
		Address: address, Route: "default", Eligible: eligible,
		NextAttempt: now, ExpiresAt: now.Add(5 * 24 * time.Hour),
	}
}
