package delivery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// The answers to an envelope that is too large.
var (
	tooManyAtData = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionRetry, Stage: relay.StageData, Code: 452, Text: "too many", Split: relay.SplitHalf}
	tooManyAtRcpt = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeRecipient, Action: relay.ActionRetry, Stage: relay.StageRcpt, Code: 452, Text: "too many", Split: relay.SplitHalf}
	oneDomainOnly = relay.Verdict{Class: relay.ClassDeferred, Scope: relay.ScopeMessage, Action: relay.ActionRetry, Stage: relay.StageBody, Code: 451, Text: "one domain", Split: relay.SplitDomain}
)

func TestSplit(t *testing.T) {
	domainAtRcpt := with(tooManyAtRcpt, func(v *relay.Verdict) { v.Split = relay.SplitDomain })
	for _, tt := range []struct {
		name  string
		v     []relay.Verdict
		to    string // the domains
		found shape
	}{
		{"nobody", nil, "", shape{}},
		{"nothing of the kind", []relay.Verdict{ok, busy, noUser}, "x x x", shape{}},
		{"at DATA", slices.Repeat([]relay.Verdict{tooManyAtData}, 5), "x x x x x", shape{Most: 2}},
		{"at DATA, others refused before", []relay.Verdict{noUser, tooManyAtData, greylist, tooManyAtData}, "x x x x", shape{Most: 1}},
		{"at DATA, alone", []relay.Verdict{tooManyAtData}, "x", shape{}},
		{"at DATA, all others refused", []relay.Verdict{tooManyAtData, noUser}, "x x", shape{}},
		{"at RCPT, after some", []relay.Verdict{ok, ok, ok, tooManyAtRcpt}, "x x x x", shape{Most: 3}},
		{"at RCPT, and a body that is deferred", []relay.Verdict{busy, tooManyAtRcpt, tooManyAtRcpt}, "x x x", shape{Most: 1}},
		{"at RCPT, all of them", slices.Repeat([]relay.Verdict{tooManyAtRcpt}, 4), "x x x x", shape{Most: 2}},
		{"at RCPT, alone", []relay.Verdict{tooManyAtRcpt}, "x", shape{}},
		{"domains", slices.Repeat([]relay.Verdict{oneDomainOnly}, 3), "x y x", shape{OneDomain: true}},
		{"domains, in one case", slices.Repeat([]relay.Verdict{oneDomainOnly}, 2), "x X", shape{Most: 1}},
		{"domains, of one that was refused", []relay.Verdict{noUser, oneDomainOnly, oneDomainOnly}, "y x x", shape{Most: 1}},
		{"domains at RCPT", []relay.Verdict{ok, domainAtRcpt}, "x y", shape{OneDomain: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			verdicts := slices.Clone(tt.v)
			for i := range verdicts { // as the packs say it; what cannot be smaller is not free
				verdicts[i].Free = verdicts[i].Split != relay.SplitNone
			}
			var all []relay.Recipient
			for d := range strings.FieldsSeq(tt.to) {
				all = append(all, relay.Recipient{Address: "r@" + d})
			}
			found, smaller := split(verdicts, all)
			if found != tt.found || smaller != (found != shape{}) {
				t.Errorf("found %+v, %t, want %+v", found, smaller, tt.found)
			}
			for i, v := range verdicts {
				if tt.v[i].Split == relay.SplitNone {
					if v != tt.v[i] {
						t.Errorf("verdict %d has changed", i)
					}
				} else if (v.Split != relay.SplitNone) != smaller || v.Free != smaller {
					t.Errorf("verdict %d: split %v, free %t", i, v.Split, v.Free)
				}
			}
		})
	}
}

func TestShapeNarrows(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := shape{}.narrow(shape{Most: 50}, now)
	s = s.narrow(shape{Most: 70}, now.Add(time.Minute))
	s = s.narrow(shape{OneDomain: true}, now.Add(time.Minute))
	if want := (shape{Most: 50, OneDomain: true, Until: now.Add(time.Minute + shapeKept)}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	if got := s.at(s.Until); got != (shape{}) {
		t.Errorf("%+v when its time is over", got)
	}
	if got := s.at(now.Add(-24 * time.Hour)); got != (shape{}) {
		t.Errorf("%+v after the clock went back by a day", got)
	}
}

// picky is a transport that takes a number of recipients in a transaction and
// says so too late.
type picky struct {
	*provider
	most int

	mu    sync.Mutex
	sizes []int // of the transactions that it took
	tries int
}

func (p *picky) Deliver(ctx context.Context, m relay.Message, to []relay.Recipient, h upstream.Handover) []relay.Verdict {
	p.mu.Lock()
	p.tries++
	taken := len(to) <= p.most
	if taken {
		p.sizes = append(p.sizes, len(to))
	}
	p.mu.Unlock()
	if !taken {
		return slices.Repeat([]relay.Verdict{tooManyAtData}, len(to))
	}
	return p.provider.Deliver(ctx, m, to, h)
}

// What is said of too many recipients after all were accepted ends at once, in
// smaller transactions, each recipient once, without an attempt that counts or
// a failure of the upstream; and the next message, over a restart, too, does
// not meet it again until some time has passed.
func TestTooManyRecipientsAtData(t *testing.T) {
	a := &picky{provider: always(ok), most: 10}
	options := func(b *box) Options {
		o := oneWay(b, a)
		o.Lanes[0].MaxRecipients, o.Lanes[0].MaxConnections = 100, 4
		o.Lanes[0].Breaker.Failures = 1
		return o
	}
	var hundred []relay.Recipient
	within(t, options, func(w *world) {
		for i := range 100 {
			hundred = append(hundred, to(fmt.Sprintf("r%d@x.example", i), "a"))
		}
		id := w.box.put(w, hundred...)
		w.after(time.Second)
		for _, r := range w.box.entry(w, id).Recipients {
			if r.State != relay.Delivered || r.Attempts != 1 {
				t.Fatalf("%s is %s after %d attempts", r.Address, r.State, r.Attempts)
			}
		}
		if n := len(a.asked); n != 100 {
			t.Errorf("%d recipients were handed over, want 100", n)
		}
		if down := w.tape.of(relay.EventUpstreamDown); len(down) != 0 {
			t.Errorf("the upstream counts as down: %+v", down)
		}
		for _, e := range w.tape.of(relay.EventDeferred) {
			if e.Detail != "split: sent again in smaller transactions" {
				t.Fatalf("detail %q", e.Detail)
			}
		}
		w.restart(options(w.box))
		tried, took := a.tries, len(a.sizes)
		w.box.put(w, hundred...)
		w.after(time.Second)
		if a.tries-tried != len(a.sizes)-took {
			t.Errorf("after the restart %d transactions were tried and %d taken", a.tries-tried, len(a.sizes)-took)
		}
		w.after(shapeKept)
		tried, took = a.tries, len(a.sizes)
		w.box.put(w, hundred...)
		w.after(time.Second)
		if a.tries-tried == len(a.sizes)-took {
			t.Error("a larger transaction was not tried again after an hour")
		}
	})
}

// One recipient that is too many is an answer like any other.
func TestTooManyAlone(t *testing.T) {
	a := always(tooManyAtData)
	within(t, func(b *box) Options { return oneWay(b, a) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		w.after(time.Second)
		if r := w.box.only(w, id); r.Attempts != 1 || a.attempts() != 1 || r.NextAttempt.Sub(r.LastAt) != time.Minute {
			t.Errorf("%d attempts (%d counted), the next after %s", a.attempts(), r.Attempts, r.NextAttempt.Sub(r.LastAt))
		}
	})
}
