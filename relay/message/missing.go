package message

import "time"

// DateLayout is how a Date field is written (RFC 5322 3.3).
const DateLayout = "Mon, 02 Jan 2006 15:04:05 -0700"

// Defaults are the values of the fields that every message must have, for
// those that have not: the two of RFC 5322 3.6, and the Message-ID that
// providers insist on.
type Defaults struct {
	Date      time.Time
	MessageID string // in angle brackets
	From      string // an address in its wire form
}

// Missing gives the fields that the header lacks. A field without a value is
// no field: see IsEmpty.
func (d Defaults) Missing(h *Header) []Field {
	var missing []Field
	for _, f := range []Field{
		NewField("Date", d.Date.Format(DateLayout)),
		NewField("Message-ID", d.MessageID),
		NewField("From", d.From),
	} {
		if h.firstFilled(f.Name()) == "" {
			missing = append(missing, f)
		}
	}
	return missing
}

// IsEmpty reports whether the field is one of those of Defaults, and says
// nothing.
func (d Defaults) IsEmpty(f Field) bool {
	return (f.Is("Date") || f.Is("Message-ID") || f.Is("From")) && unfold(f.value()) == ""
}
