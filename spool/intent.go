package spool

import (
	"slices"
	"time"

	"relaykeep/relay"
)

// Intent is what an operator wants of a recipient that is being sent. It is
// kept with the record, outlives a crash, and is carried out by the settlement
// that ends the attempt: see Settlement.Intend.
type Intent struct {
	Index  int    // the place of the recipient among those of the message
	Action string // the operator's word; "" in Settlement.Intents withdraws the one of the same At
	By     string // who wants it, in words for people
	At     time.Time

	// Instead is, of a redirect, the recipient as it shall be.
	Instead *relay.Recipient
}

// Intend takes in the intents of s, and has those carried out that are for the
// recipients at the places in index, which are settled, or for others that
// free says are not being sent any more. It gives what there is to tell. Both
// lists of r must be its own.
func (r *Record) Intend(index []int, s *Settlement, free func(i int) bool) (told []relay.Event) {
	if len(r.Intents) == 0 && len(s.Intents) == 0 {
		return nil
	}
	all := wanted(r.Intents, s.Intents)
	r.Intents = nil
	var due []Intent
	for _, in := range all {
		switch {
		case in.Index < 0 || in.Index >= len(r.Recipients):
		case s.Intend != nil && (slices.Contains(index, in.Index) || free(in.Index)):
			due = append(due, in)
		default:
			r.Intents = append(r.Intents, in)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return s.Intend(r.Recipients, due)
}

// OweReport has a failure that an intent made told by Expired, where the
// settlement had nothing to tell.
func (r *Record) OweReport() {
	r.ReportDue = r.ReportDue || slices.ContainsFunc(r.Recipients, func(r relay.Recipient) bool {
		return !r.Reported && (r.State == relay.Bounced || r.State == relay.Expired)
	})
}

// wanted gives old with what is new: the last word on each recipient counts.
func wanted(old, more []Intent) []Intent {
	all := slices.Clone(old)
	for _, in := range more {
		all = slices.DeleteFunc(all, func(o Intent) bool {
			return o.Index == in.Index && (in.Action != "" || o.At.Equal(in.At))
		})
		if in.Action != "" {
			all = append(all, in)
		}
	}
	return all
}

// IntentsOf gives the intents of the recipients at some places.
func (r *Record) IntentsOf(index []int) (found []Intent) {
	for _, in := range r.Intents {
		if slices.Contains(index, in.Index) {
			found = append(found, in)
		}
	}
	return found
}

// Intended reports whether there is an intent for d.Recipients[n].
func (d *Delivery) Intended(n int) bool {
	return slices.ContainsFunc(d.Intents, func(in Intent) bool { return in.Index == d.Index[n] })
}
