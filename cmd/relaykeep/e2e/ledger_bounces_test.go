package e2e

import (
	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream/upstreamtest"
)

// goneRecipient is refused for good by every provider of a ledger: its mail
// bounces.
const goneRecipient = "gone@example.com"

// orGone refuses goneRecipient, and leaves the others to script, if there is
// one.
func orGone(script upstreamtest.Script) upstreamtest.Script {
	return func(s upstreamtest.Step) upstreamtest.Act {
		switch {
		case s.Address == goneRecipient:
			return upstreamtest.Reply("550 5.1.1 Nobody has this name")
		case script != nil:
			return script(s)
		}
		return upstreamtest.Act{}
	}
}

// checkBounces wants that a sender was written to exactly where a recipient of
// its message is bounced. Each message has a sender of its own, and bounces for
// one recipient at most. It counts the notices.
func (l *ledger) checkBounces(entries []spool.Entry) (notices int) {
	told := make(map[string]int) // notices, by the sender that they went to
	for _, e := range entries {
		if e.Message.From == "" {
			notices++
			for _, r := range e.Recipients {
				told[r.Address]++
			}
		}
	}
	for _, e := range entries {
		if e.Message.From == "" {
			continue
		}
		want := 0
		for _, r := range e.Recipients {
			switch {
			case r.State == relay.Bounced && r.Reported:
				want++
			case r.State == relay.Bounced && e.Finished():
				l.complain("%s to %s is over, and its bounce was not told", e.Message.ID, r.Address)
			}
		}
		if got := told[e.Message.From]; got != want {
			l.complain("%d notices tell of %s, and %d of its recipients are bounced and reported", got, e.Message.ID, want)
		}
		delete(told, e.Message.From)
	}
	for sender, n := range told {
		l.complain("%d notices to %s tell of no message", n, sender)
	}
	return notices
}
