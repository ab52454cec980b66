package delivery

import (
	"time"

	"relaykeep/relay"
)

// shapeKept is how long a lane keeps to the shape that its upstream was found
// to want, before it tries larger transactions again.
const shapeKept = time.Hour

// shape bounds the recipients of a transaction beside MaxRecipients. The zero
// shape bounds nothing.
type shape struct {
	Most      int       `json:"most,omitempty"`       // recipients; 0: no bound
	OneDomain bool      `json:"one_domain,omitempty"` // all of one domain
	Until     time.Time `json:"until,omitzero"`
}

// narrow makes s at least as narrow as found, for a while from now on.
func (s shape) narrow(found shape, now time.Time) shape {
	s = s.at(now)
	if found.Most > 0 && (s.Most == 0 || found.Most < s.Most) {
		s.Most = found.Most
	}
	s.OneDomain = s.OneDomain || found.OneDomain
	s.Until = now.Add(shapeKept)
	return s
}

// at is the shape that counts now. A clock that was wrong makes it last no
// longer than it would from now on.
func (s shape) at(now time.Time) shape {
	if !now.Before(s.Until) || s.Until.After(now.Add(shapeKept)) {
		return shape{}
	}
	return s
}

// split settles what of the verdicts on one transaction can be mended by
// smaller ones: these keep Split and cost nothing, and found is the shape to
// keep to. A transaction that cannot be smaller loses its Split, so that what
// is said of too many without being meant ends by the schedule like any other
// answer. It is a pure function but for writing to verdicts.
func split(verdicts []relay.Verdict, to []relay.Recipient) (found shape, smaller bool) {
	refused, byDomain, atRcpt := 0, false, true
	for i := range verdicts {
		if v := &verdicts[i]; v.Split != relay.SplitNone {
			refused++
			byDomain = byDomain || v.Split == relay.SplitDomain
			atRcpt = atRcpt && v.Stage == relay.StageRcpt
		}
	}
	if refused == 0 {
		return shape{}, false
	}
	taken := 0 // that were not too many
	if atRcpt {
		taken = accepted(verdicts)
	}
	switch {
	case byDomain && mixed(verdicts, to):
		found.OneDomain = true
	case taken > 0:
		found.Most = taken
	case refused > 1:
		found.Most = refused / 2
	}
	smaller = found != shape{}
	for i := range verdicts {
		switch v := &verdicts[i]; {
		case v.Split == relay.SplitNone:
		case smaller:
			v.Free = true
		default:
			v.Split, v.Free = relay.SplitNone, false
		}
	}
	return found, smaller
}

// accepted counts the recipients that came further than RCPT.
func accepted(verdicts []relay.Verdict) (n int) {
	for i := range verdicts {
		if verdicts[i].Stage > relay.StageRcpt {
			n++
		}
	}
	return n
}

// mixed reports whether there was more than one domain in the transaction, of
// those that were not refused for a reason of their own.
func mixed(verdicts []relay.Verdict, to []relay.Recipient) bool {
	first, seen := "", false
	for i := range verdicts {
		if verdicts[i].Split == relay.SplitNone && verdicts[i].Stage <= relay.StageRcpt {
			continue
		}
		domain := relay.Domain(to[i].Address)
		if seen && domain != first {
			return true
		}
		first, seen = domain, true
	}
	return false
}
