package delivery

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// signing is a Preparer that signs what has no signature yet, having read it,
// and sends all mail from one address.
type signing struct {
	mu   sync.Mutex
	kept []int // the signatures that each attempt was given
	made int
}

func (s *signing) Sender(string) string { return "relay@x.example" }

func (s *signing) Prepare(_ context.Context, m relay.Message, body relay.Body, _ upstream.Capabilities, kept []relay.Signature) (upstream.Prepared, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := body.Open()
	if err != nil {
		return upstream.Prepared{}, err
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return upstream.Prepared{}, err
	}
	s.kept = append(s.kept, len(kept))
	m.From = s.Sender(m.From)
	p := upstream.Prepared{Message: m, Body: body}
	if len(kept) == 0 {
		s.made++
		p.Signature = &relay.Signature{Fingerprint: [32]byte{byte(s.made)}, Fields: "DKIM-Signature: v=1\r\n"}
	}
	return p, nil
}

func prepared(b *box, a upstream.Transport, p Preparer) Options {
	o := oneWay(b, a)
	o.Lanes[0].Prepare = p
	return o
}

// A signature is made once, whether the attempt that made it got as far as the
// mark or not.
func TestSignatureIsKept(t *testing.T) {
	for name, first := range map[string]relay.Verdict{"before the mark": busy, "behind it": lost} {
		t.Run(name, func(t *testing.T) {
			p := new(signing)
			within(t, func(b *box) Options { return prepared(b, each(first, busy, ok), p) }, func(w *world) {
				id := w.box.put(w, to("r@x.example", "a"))
				w.after(time.Hour)
				w.wantState(w.box.only(w, id), relay.Delivered)
			})
			if got := fmt.Sprint(p.kept); p.made != 1 || got != "[0 1 1]" {
				t.Errorf("signed %d times; the attempts were given %s", p.made, got)
			}
		})
	}
}

// A connection that turns out to be dead costs no second signature.
func TestPreparedAgain(t *testing.T) {
	p := new(signing)
	within(t, func(b *box) Options { return prepared(b, twice{always(ok)}, p) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		w.wantState(w.box.only(w, id), relay.Delivered)
	})
	if got := fmt.Sprint(p.kept); p.made != 1 || got != "[0 1]" {
		t.Errorf("signed %d times; given %s", p.made, got)
	}
}

// twice prepares one more time.
type twice struct{ *provider }

func (t twice) Deliver(ctx context.Context, m relay.Message, to []relay.Recipient, h upstream.Handover) []relay.Verdict {
	if _, _, err := h.Prepare(ctx, upstream.Capabilities{}); err != nil {
		panic(err)
	}
	return t.provider.Deliver(ctx, m, to, h)
}

// Damage that is found while a message is prepared holds it as any damage does.
func TestDamageFoundInPreparation(t *testing.T) {
	within(t, func(b *box) Options { b.readErr = relay.ErrBodyDamaged; return prepared(b, always(ok), new(signing)) }, func(w *world) {
		id := w.box.put(w, to("r@x.example", "a"))
		synctest.Wait()
		w.wantState(w.box.only(w, id), relay.Held)
		w.wantKinds(id, "held incident_opened")
	})
}

// An incident about a sender names the one that the upstream gets to see.
func TestRefusedSenderAsItIsSent(t *testing.T) {
	within(t, func(b *box) Options { return prepared(b, always(unverif), new(signing)) }, func(w *world) {
		first, second := w.box.put(w, to("r@x.example", "a")), w.box.put(w, to("s@x.example", "a"))
		synctest.Wait()
		one, two := w.box.only(w, first), w.box.only(w, second)
		w.wantState(one, relay.Held)
		w.wantState(two, relay.Held)
		all, err := w.box.Incidents(w.Context(), false)
		if err != nil || len(all) != 1 || all[0].Sender != "relay@x.example" || one.Incident != two.Incident {
			t.Errorf("incidents %+v, %v", all, err)
		}
	})
}
