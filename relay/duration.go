package relay

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Errors of ParseDuration. They go on behind the value in a sentence
// ("idle_timeout: "10x" is not …"), and never hold it: it may be a secret.
var (
	errDuration     = errors.New(`is not a duration; write one like "30s", "10m", "4h", "5d" or "1h30m"`)
	errDurationUnit = errors.New(`has no unit; write "30s" for 30 seconds, or use m, h or d`)
	errDurationLong = errors.New("is too long a time; the longest is 36500d")
)

// MaxDuration is the longest that ParseDuration gives: far beyond all use, and
// far from overflow when it is added to a time.
const MaxDuration = 36500 * 24 * time.Hour

// ParseDuration reads one or more whole numbers with a unit: "90s", "1h30m",
// "5d". Units (d, h, m, s, ms) go from long to short, each at most once. Zero
// is allowed ("0s").
func ParseDuration(s string) (time.Duration, error) {
	total, last := time.Duration(0), MaxDuration
	for first := true; first || s != ""; first = false {
		rest := strings.TrimLeft(s, "0123456789")
		number := s[:len(s)-len(rest)]
		unit, name := durationUnit(rest)
		switch {
		case first && number != "" && rest == "":
			return 0, errDurationUnit
		case number == "" || unit == 0 || unit >= last:
			return 0, errDuration
		}
		count, err := strconv.ParseInt(number, 10, 64)
		if err != nil || count > int64((MaxDuration-total)/unit) {
			return 0, errDurationLong
		}
		total += time.Duration(count) * unit
		s, last = rest[len(name):], unit
	}
	return total, nil
}

// durationUnit gives the unit that s begins with, 0 if it is none.
func durationUnit(s string) (unit time.Duration, name string) {
	switch {
	case strings.HasPrefix(s, "ms"):
		return time.Millisecond, "ms"
	case strings.HasPrefix(s, "s"):
		return time.Second, "s"
	case strings.HasPrefix(s, "m"):
		return time.Minute, "m"
	case strings.HasPrefix(s, "h"):
		return time.Hour, "h"
	case strings.HasPrefix(s, "d"):
		return 24 * time.Hour, "d"
	}
	return 0, ""
}
