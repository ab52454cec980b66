package quota

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // a bare machine knows no time zones
)

// Limit is how many may be taken in a time. One whose N or Per is not above 0
// is no limit, the zero Limit with it. A Per of more than 146 years counts as
// that.
type Limit struct {
	N     int
	Per   time.Duration
	Reset *Reset // nil: a rolling time; else counted from the last reset, whatever Per is
}

func (l Limit) limits() bool { return l.N > 0 && l.Per > 0 }

// Reset is the time of day at which a provider begins to count anew. What is
// out of range counts as the nearest that is in it.
type Reset struct {
	Hour, Minute int            // 0 to 23, 0 to 59
	Location     *time.Location // nil: UTC
}

var errReset = errors.New(`is not a time of day with a time zone; write one like "00:00 Asia/Shanghai"`)

// ParseReset reads a time of day and the name of a time zone of the IANA
// database: "00:00 Asia/Shanghai". The database comes with the program.
func ParseReset(s string) (Reset, error) {
	const form = "15:04 "
	if len(s) <= len(form) {
		return Reset{}, errReset
	}
	t, err := time.Parse(form, s[:len(form)])
	if err != nil {
		return Reset{}, errReset
	}
	location, err := time.LoadLocation(s[len(form):])
	if err != nil {
		return Reset{}, errReset
	}
	return Reset{Hour: t.Hour(), Minute: t.Minute(), Location: location}, nil
}

// String writes a reset as ParseReset reads it.
func (r Reset) String() string {
	return fmt.Sprintf("%02d:%02d %s", r.Hour, r.Minute, r.zone())
}

func (r Reset) zone() *time.Location {
	if r.Location == nil {
		return time.UTC
	}
	return r.Location
}

// period is the time from the last reset that is not after now to the next
// one. On a day that has no such time, or has it twice, the reset is at what
// time.Date makes of it: there is always one a day.
func (r Reset) period(now time.Time) (start, end time.Time) {
	y, m, d := now.In(r.zone()).Date()
	hour, minute := min(max(r.Hour, 0), 23), min(max(r.Minute, 0), 59)
	for day := -2; day <= 2; day++ { // two, for a zone that has left a day out
		t := time.Date(y, m, d+day, hour, minute, 0, 0, r.zone())
		if t.After(now) {
			return start, t
		}
		start = t
	}
	return start, now.Add(24 * time.Hour)
}
