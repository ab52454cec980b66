package spooltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Bounced settles d with these states and a report to lane b: a notice for each
// call that finds bounced recipients, which lists them.
func Bounced(d spool.Delivery, states ...relay.State) spool.Settlement {
	var r reporter
	out := r.settlement(d, states...)
	out.Report = func(finished []relay.Recipient) []spool.Notice {
		var failed []string
		for _, p := range finished {
			if p.State == relay.Bounced {
				failed = append(failed, p.Address)
			}
		}
		if len(failed) == 0 {
			return nil
		}
		return []spool.Notice{Notice(strings.Join(failed, "\n"))}
	}
	return out
}

// CheckBounces wants that each recipient that is bounced and reported is in
// exactly one notice of Bounced, and no other one in any. Where all is over,
// each one that is bounced must be reported. Addresses are used once.
func CheckBounces(t *testing.T, s spool.Store, over bool) {
	t.Helper()
	told := make(map[string]int)
	reported := make(map[string]bool)
	err := s.List(t.Context(), spool.Filter{AnyState: true}, func(e spool.Entry) error {
		if e.Message.From == "" {
			for _, address := range strings.Split(readAll(t, s, e.Message), "\n") {
				told[address]++
			}
			return nil
		}
		for _, p := range e.Recipients {
			if p.State == relay.Bounced {
				reported[p.Address] = p.Reported
				if over && !p.Reported {
					t.Errorf("%s is bounced and nobody was told", p.Address)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for address, is := range reported {
		if is != (told[address] == 1) {
			t.Errorf("%s: reported %v, in %d notices", address, is, told[address])
		}
		delete(told, address)
	}
	for address, n := range told {
		t.Errorf("%s is not bounced, and in %d notices", address, n)
	}
}

// Sweep settles what Expired hands out without recipients.
func Sweep(t *testing.T, s spool.Store) {
	t.Helper()
	past, _, err := s.Expired(t.Context(), time.Now(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range past {
		states := make([]relay.State, len(d.Recipients))
		for i, p := range d.Recipients {
			states[i] = p.State
		}
		if err := s.Settle(t.Context(), &d, Bounced(d, states...)); err != nil {
			t.Fatal(err)
		}
	}
}

// randomBounces bounces by chance, gives leases back by chance and crashes by
// chance: a bounce is there exactly when its recipients are bounced.
func (s *suite) randomBounces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range 60 {
		Accept(t, s.s, "x", Recipients("a", fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i), fmt.Sprintf("c%d", i))...)
	}
	s.s.Open("a", true)
	var under []spool.Delivery // way
	for round := 0; ; round++ {
		if round > 10_000 {
			t.Fatal("it comes to no end")
		}
		due, _, err := s.s.Claim(t.Context(), "a", spool.Limit{Messages: 1 + rnd.IntN(6), Recipients: 1 + rnd.IntN(2)})
		if err != nil {
			t.Fatal(err)
		}
		if under = append(under, due...); len(under) == 0 {
			break
		}
		i := rnd.IntN(len(under))
		d := under[i]
		switch rnd.IntN(8) {
		case 0:
			s.s.Release(&d)
		case 1:
			s.s = s.Restart(t, true)
			s.s.Open("a", true)
			CheckBounces(t, s.s, false)
			under = nil
			continue
		case 2:
			Sweep(t, s.s)
			continue
		default:
			states := make([]relay.State, len(d.Recipients))
			for i := range states {
				states[i] = []relay.State{relay.Queued, relay.Delivered, relay.Bounced}[rnd.IntN(3)]
			}
			if err := s.s.Settle(t.Context(), &d, Bounced(d, states...)); err != nil {
				t.Fatal(err)
			}
		}
		under = slices.Delete(under, i, i+1)
	}
	Sweep(t, s.s)
	CheckBounces(t, s.s, true)
}
