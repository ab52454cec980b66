package quota

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // a bare machine knows no time zones
)

// Limit is how many may be taken in a time. The zero Limit is none.
type Limit struct {
	N     int
	Per   time.Duration
	Reset *Reset // nil: a rolling time; else counted from the last reset
}

// Reset is a time of day at which a provider begins to count anew.
type Reset struct {
	Hour, Minute int
	Location     *time.Location
}

var errReset = errors.New(`is not a time of day with a time zone; write one like "00:00 Asia/Shanghai"`)

// ParseReset reads a time of day and a time zone: "00:00 Asia/Shanghai".
func ParseReset(s string) (r Reset, err error) {
	const form = "15:04 "
	if len(s) <= len(form) {
		return r, errReset
	}
	t, err := time.Parse(form, s[:len(form)])
	if err != nil {
		return r, errReset
	}
	location, err := time.LoadLocation(s[len(form):])
	if err != nil {
		return r, errReset
	}
	return Reset{Hour: t.Hour(), Minute: t.Minute(), Location: location}, nil
}

// String writes a reset as ParseReset reads it.
func (r Reset) String() string {
	return fmt.Sprintf("%02d:%02d %s", r.Hour, r.Minute, r.Location)
}

// next is the first reset after now. On a day that has no such time, or has it
// twice, it is what package time makes of it.
func (r Reset) next(now time.Time) time.Time {
	y, m, d := now.In(r.Location).Date()
	for day := range 3 {
		if t := time.Date(y, m, d+day, r.Hour, r.Minute, 0, 0, r.Location); t.After(now) {
			return t
		}
	}
	return now.Add(24 * time.Hour)
}
