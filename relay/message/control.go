package message

import (
	"strings"
	"time"

	"relaykeep/relay"
)

// The fields by which an app says what it wants of this relay. All fields of
// the prefix are taken out on the way: see IsControl.
const (
	ControlPrefix = "X-Relaykeep-"
	ExpireField   = ControlPrefix + "Expire"
	PriorityField = ControlPrefix + "Priority"
)

// Control is what the header of a message asks for. The zero value asks for
// nothing.
type Control struct {
	Expire   time.Time      // when nobody wants the message any more; zero: not said
	Priority relay.Priority // where Ranked
	Ranked   bool

	// Unread names the control fields that say nothing that can be understood:
	// by the constants above, and the prefix for any other.
	Unread []string
}

// ControlOptions say how the header is read.
type ControlOptions struct {
	// Common lets Importance (RFC 2156 5.3.4) and X-Priority choose the
	// priority where no control field does.
	Common bool

	// Known names one more control field, which somebody else reads.
	Known string
}

// ReadControl reads the control fields of a message that came at this time. A
// duration counts from then.
func ReadControl(h *Header, at time.Time, o ControlOptions) Control {
	var c Control
	for _, f := range h.Fields() {
		if !IsControl(f) {
			continue
		}
		ok, name, value := false, ControlPrefix, unfold(f.value())
		switch {
		case f.Is(ExpireField):
			name = ExpireField
			c.Expire, ok = expiry(value, at, c.Expire)
		case f.Is(PriorityField):
			name = PriorityField
			ok = c.rank(value)
		case o.Known != "" && f.Is(o.Known):
			ok = true
		}
		if !ok {
			c.Unread = append(c.Unread, name)
		}
	}
	if o.Common && !c.Ranked && !c.rank(h.first("Importance")) {
		c.rank(xPriority(h.first("X-Priority")))
	}
	return c
}

// IsControl reports whether the field is for this relay only.
func IsControl(f Field) bool {
	name := f.Name()
	return len(name) >= len(ControlPrefix) && strings.EqualFold(name[:len(ControlPrefix)], ControlPrefix)
}

// expiry reads "10m" or a time of RFC 3339. Of several the earliest counts.
func expiry(value string, at, before time.Time) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		d, err := relay.ParseDuration(value)
		if err != nil || d == 0 {
			return before, false
		}
		t = at.Add(d)
	}
	if !before.IsZero() && before.Before(t) {
		t = before
	}
	return t, true
}

// rank takes a priority by its name.
func (c *Control) rank(name string) bool {
	var p relay.Priority
	if p.UnmarshalText([]byte(strings.ToLower(name))) != nil {
		return false
	}
	c.Priority, c.Ranked = p, true
	return true
}

// xPriority gives the name of what X-Priority says: "1 (Highest)" to
// "5 (Lowest)"; "" where it says something else.
func xPriority(value string) string {
	number, _ := cutToken(value)
	switch number {
	case "1", "2":
		return "high"
	case "3":
		return "normal"
	case "4", "5":
		return "low"
	}
	return ""
}

// Apply gives a recipient what was asked for, as far as its route leaves it:
// never later than the route's, never more urgent.
func (c *Control) Apply(r *relay.Recipient) {
	if !c.Expire.IsZero() && (r.ExpiresAt.IsZero() || c.Expire.Before(r.ExpiresAt)) {
		r.ExpiresAt = c.Expire
	}
	if c.Ranked {
		r.Priority = max(r.Priority, c.Priority) // the lower one
	}
}
