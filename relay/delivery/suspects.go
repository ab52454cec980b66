package delivery

import (
	"slices"
	"time"

	"relaykeep/relay"
)

// suspicion is what a message has brought upon a lane: that it was closed as if the
// account were disabled, or a sender refused.
type suspicion struct {
	id     relay.ID
	sender string // who is refused; "" where the account as a whole is
	passed bool   // others, of that sender, have been taken since
}

// suspects remembers, for one lane, which messages have closed it or have had their
// sender refused. Where others pass after that, the message is to blame, or whom it
// goes to: it is not to do so again. What is said before MAIL is about no message.
// The newest maxSuspects are known, and none after a restart. The caller holds the
// lane's lock.
type suspects []suspicion

const maxSuspects = 256

// note takes in the verdicts on a message of a sender.
func (s *suspects) note(id relay.ID, sender string, verdicts []relay.Verdict) {
	for i := range verdicts {
		switch v := &verdicts[i]; {
		case v.Stage < relay.StageMail:
		case v.Class == relay.ClassDelivered:
			s.pass(sender)
		case refusesSender(*v):
			s.add(suspicion{id: id, sender: sender})
		case v.Action == relay.ActionDisable:
			s.add(suspicion{id: id})
		}
	}
}

func (s *suspects) add(a suspicion) {
	if slices.ContainsFunc(*s, func(b suspicion) bool { return b.id == a.id && b.sender == a.sender }) {
		return
	}
	if len(*s) == maxSuspects {
		*s = slices.Delete(*s, 0, 1)
	}
	*s = append(*s, a)
}

// pass notes that mail of a sender was taken.
func (s *suspects) pass(sender string) {
	for i := range *s {
		if a := &(*s)[i]; a.sender == "" || a.sender == sender {
			a.passed = true
		}
	}
}

// blamed reports whether a verdict on a message is the message's own fault.
func (s *suspects) blamed(id relay.ID, sender string, v relay.Verdict) bool {
	switch {
	case v.Stage < relay.StageMail:
		return false
	case refusesSender(v):
	case v.Action == relay.ActionDisable:
		sender = ""
	default:
		return false
	}
	return slices.ContainsFunc(*s, func(a suspicion) bool { return a.id == id && a.sender == sender && a.passed })
}

// refusesSender reports whether a verdict opens the incident of a sender.
func refusesSender(v relay.Verdict) bool {
	return v.Scope == relay.ScopeSender && (v.Action == relay.ActionHold || v.Then == relay.ActionHold)
}

// workedSince reports whether the upstream has taken a message after t.
func (l *lane) workedSince(t time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.worked.After(t)
}
