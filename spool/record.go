package spool

import (
	"slices"
	"strings"
	"time"

	"relaykeep/relay"
)

// Record is a message as a store writes it: what does not change beside what
// does.
type Record struct {
	Message    relay.Message
	Recipients []relay.Recipient
	Table      string // fingerprint of the routing table that the recipients were assigned by

	// Signatures are those that attempts have made, oldest first, while the
	// message is unfinished.
	Signatures []relay.Signature

	// ReportDue says that finished recipients are still to be reported: when
	// the last of them was settled, others were being sent, or were not tried
	// yet (see Settlement.Report).
	ReportDue bool

	// Intents are what operators want of recipients that are being sent, one at
	// most for each.
	Intents []Intent

	// Told are the events that it begins with, encoded.
	Told [][]byte
}

// maxSignatures bounds Record.Signatures.
const maxSignatures = 8

// WithSignature gives old with one more, in a new slice: in the place of the
// one with the same fingerprint, else at the end, where the oldest goes when
// they are too many.
func WithSignature(old []relay.Signature, s relay.Signature) []relay.Signature {
	kept := slices.DeleteFunc(slices.Clone(old), func(o relay.Signature) bool { return o.Fingerprint == s.Fingerprint })
	if more := len(kept) - (maxSignatures - 1); more > 0 {
		kept = kept[more:]
	}
	return append(kept, s)
}

// Entry gives the message as Store.Get does, without what a record does not
// know.
func (r *Record) Entry() Entry { return Entry{Message: r.Message, Recipients: r.Recipients} }

// Finished reports whether nothing is left to do: every recipient is finished,
// and no report is due.
func (r *Record) Finished() bool { return !r.ReportDue && r.Entry().Finished() }

// Failed reports whether some recipient was bounced or has expired, so that
// the body is worth keeping for a while.
func (r *Record) Failed() bool {
	for i := range r.Recipients {
		if s := r.Recipients[i].State; s == relay.Bounced || s == relay.Expired {
			return true
		}
	}
	return false
}

// Timeout is when the message is to be looked at next because of its age: the
// first of what Timeout gives for its recipients, or at once (the zero time)
// where a report is due. ok is false where there is nothing of that.
func (r *Record) Timeout() (at time.Time, ok bool) {
	if r.ReportDue {
		return time.Time{}, true
	}
	for i := range r.Recipients {
		if t, runs := Timeout(&r.Recipients[i]); runs && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// Timeout is when a recipient runs out of time or its delay warning is due,
// whichever comes first. ok is false where neither can be: time runs while it
// is queued, or held otherwise than on purpose.
func Timeout(r *relay.Recipient) (at time.Time, ok bool) {
	if r.State != relay.Queued && (r.State != relay.Held || relay.HeldOnPurpose(r.HoldReason)) {
		return at, false
	}
	at = r.ExpiresAt
	if !r.WarnAt.IsZero() && (at.IsZero() || r.WarnAt.Before(at)) {
		at = r.WarnAt
	}
	return at, !at.IsZero()
}

// unreported reports whether the end of a recipient is still to be told.
func unreported(r *relay.Recipient) bool { return r.State.Finished() && !r.Reported }

// Unreported gives the finished recipients whose end is still to be told.
func (r *Record) Unreported() (found []relay.Recipient) {
	for i := range r.Recipients {
		if unreported(&r.Recipients[i]) {
			found = append(found, r.Recipients[i])
		}
	}
	return found
}

// ReportPatience is how long a report waits for recipients that were not tried
// yet, from the end of the first that it tells of.
const ReportPatience = time.Minute

// ReportWaits reports whether a report had better wait: recipients are due that
// were not tried yet, and may have the same to tell soon. Where one connection
// takes a message with many recipients in parts, its sender gets one bounce all
// the same.
func (r *Record) ReportWaits(now time.Time) bool {
	untried, first := false, now
	for i := range r.Recipients {
		switch p := &r.Recipients[i]; {
		case unreported(p) && p.FinishedAt.Before(first):
			first = p.FinishedAt
		case p.State == relay.Queued && p.LastAt.IsZero() && !p.NextAttempt.After(now):
			untried = true
		}
	}
	return untried && now.Sub(first) < ReportPatience
}

// MarkReported notes that what Unreported gives was told.
func (r *Record) MarkReported() {
	for i := range r.Recipients {
		if p := &r.Recipients[i]; unreported(p) {
			p.Reported = true
		}
	}
}

// Chain is the name of the list of upstreams that r may still be sent by:
// recipients with the same one wait in the same line.
func Chain(r *relay.Recipient) string { return strings.Join(r.Eligible, "\x00") }

// ChainLanes gives the list back.
func ChainLanes(chain string) []string {
	if chain == "" {
		return nil
	}
	return strings.Split(chain, "\x00")
}
