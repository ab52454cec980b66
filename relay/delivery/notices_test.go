package delivery

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// postmaster is a Reporter that tells of everything, in a message to "told".
type postmaster struct {
	mu      sync.Mutex
	delays  []string // recipients, of each warning
	refuses bool     // makes no message, and says why
}

func (p *postmaster) Report(m relay.Message, body relay.Body, _ []relay.Recipient, _ bool, now time.Time) func([]relay.Recipient) []spool.Notice {
	if err := readAll(body); err != nil {
		panic(err)
	}
	id := spool.NewID()
	return func(finished []relay.Recipient) []spool.Notice {
		if p.refuses {
			return []spool.Notice{{Told: []relay.Event{{Kind: relay.EventRejected, At: now, Message: m.ID, Detail: "no notice"}}}}
		}
		var fates []string
		for _, r := range finished {
			fates = append(fates, r.Address+" "+r.State.String())
		}
		return []spool.Notice{noticeTo("told@x.example", id, m.ID, strings.Join(fates, ", "), now)}
	}
}

func (p *postmaster) Delayed(m relay.Message, _ relay.Body, to []relay.Recipient, now time.Time) []spool.Notice {
	var late []string
	for _, r := range to {
		late = append(late, r.Address)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delays = append(p.delays, strings.Join(late, " "))
	return []spool.Notice{noticeTo("warned@x.example", spool.NewID(), m.ID, "late", now)}
}

func (p *postmaster) warned() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.delays, "; ")
}

// noticeTo makes a notice that waits in a lane that no test has.
func noticeTo(address string, id, about relay.ID, what string, now time.Time) spool.Notice {
	return spool.Notice{
		Message: &relay.Message{ID: id, Subject: what, ReceivedAt: now}, Body: []byte("\r\n"),
		Recipients: []relay.Recipient{{Address: address, Eligible: []string{"none"}, ExpiresAt: now.Add(1000 * time.Hour)}},
		Events:     []relay.Event{{Kind: relay.EventAccepted, At: now, Message: id, To: address, Detail: "of " + string(about)}},
		Told:       []relay.Event{{Kind: relay.EventAccepted, At: now, Message: about, Detail: "notice " + string(id)}},
	}
}

// notices lists what is told to an address.
func (b *box) notices(t testing.TB, address string) (subjects []string) {
	t.Helper()
	err := b.List(t.Context(), spool.Filter{AnyState: true}, func(e spool.Entry) error {
		if e.Recipients[0].Address == address {
			subjects = append(subjects, e.Message.Subject)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return subjects
}

// reported adds a Reporter to options.
func reported(o Options, p *postmaster) Options {
	o.Reporter = p
	return o
}

// One notice tells of all that became of a message.
func TestOneNoticeOfAMessage(t *testing.T) {
	a := &provider{answer: func(_ context.Context, _ int, _ relay.Message, r relay.Recipient) relay.Verdict {
		if strings.HasPrefix(r.Address, "bad") {
			return noUser
		}
		return ok
	}}
	within(t, func(s *box) Options { return reported(oneWay(s, a), &postmaster{}) }, func(w *world) {
		id := w.box.put(w, to("bad1@x.example", "a"), to("good@x.example", "a"), to("bad2@x.example", "a"))
		synctest.Wait()
		w.wantKinds(id, "bounced delivered bounced accepted")
		want := "bad1@x.example bounced, good@x.example delivered, bad2@x.example bounced"
		if got := fmt.Sprint(w.box.notices(w, "told@x.example")); got != "["+want+"]" {
			t.Errorf("told %s", got)
		}
		if told := w.tape.of(relay.EventAccepted); len(told) != 1 || told[0].Detail != "of "+string(id) {
			t.Errorf("the log has %+v", told)
		}
	})
}

// Why there is no notice is told, once, and kept with the message.
func TestNoNoticeIsTold(t *testing.T) {
	within(t, func(s *box) Options { return reported(oneWay(s, always(noUser)), &postmaster{refuses: true}) }, func(w *world) {
		id := w.box.put(w, to("bad@x.example", "a"))
		synctest.Wait()
		w.wantKinds(id, "bounced rejected")
		if told := w.tape.of(relay.EventRejected); len(told) != 1 || told[0].Detail != "no notice" {
			t.Errorf("the log has %+v", told)
		}
	})
}

// The sender is told once that mail is late, of all recipients that are, and
// at last that it has expired: once, whatever the number of attempts.
func TestDelayIsToldOnce(t *testing.T) {
	p := &postmaster{}
	within(t, func(s *box) Options { return reported(oneWay(s, always(greylist)), p) }, func(w *world) {
		late := func(address string) relay.Recipient {
			r := to(address, "a")
			r.WarnAt = time.Now().Add(4 * time.Hour)
			return r
		}
		id := w.box.put(w, late("b@x.example"), late("c@x.example"), to("d@x.example", "a"))
		w.after(4*time.Hour - time.Second)
		if got := p.warned(); got != "" {
			t.Errorf("warned too early of %s", got)
		}
		w.after(2 * time.Minute)
		if got := p.warned(); got != "b@x.example c@x.example" {
			t.Errorf("warned of %s", got)
		}
		if r := w.box.only(w, id); !r.WarnAt.IsZero() || r.State != relay.Queued {
			t.Errorf("after the warning: %+v", r)
		}
		w.after(5*24*time.Hour - 4*time.Hour)
		if got := p.warned(); got != "b@x.example c@x.example" {
			t.Errorf("warned of %s", got)
		}
		if got := w.box.notices(w, "told@x.example"); len(got) != 1 || strings.Count(got[0], "expired") != 3 {
			t.Errorf("told %q", got)
		}
		if got := w.box.notices(w, "warned@x.example"); len(got) != 1 {
			t.Errorf("warned %d times", len(got))
		}
	})
}

func TestOverdue(t *testing.T) {
	now := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name         string
		warn, expire time.Duration // from now; 0: never
		state        relay.State
		late         bool
	}{
		{"late", -time.Second, time.Hour, relay.Queued, true},
		{"late now", 0, time.Hour, relay.Queued, true},
		{"past its time", -time.Hour, -time.Second, relay.Expired, false},
		{"in time", time.Second, time.Hour, relay.Queued, false},
	} {
		r := relay.Recipient{WarnAt: now.Add(tt.warn), ExpiresAt: now.Add(tt.expire)}
		o := overdue(r, now)
		if o.to.State != tt.state || o.late != tt.late || tt.late && !o.to.WarnAt.IsZero() {
			t.Errorf("%s: %+v", tt.name, o)
		}
	}
	if o := overdue(relay.Recipient{ExpiresAt: now.Add(time.Hour)}, now); o.late {
		t.Error("a warning that nobody wants")
	}
}
