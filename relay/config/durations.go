package config

import (
	"errors"
	"math"
	"strings"
	"time"
)

// Errors of the parsers in this package go on after the value in a sentence
// ("idle_timeout: "10x" is not …"), and never hold it: it may be a secret.
var (
	errDuration     = errors.New(`is not a duration; write one like "30s", "10m", "4h", "5d" or "1h30m"`)
	errDurationUnit = errors.New(`has no unit; write "30s" for 30 seconds, or use m, h or d`)
	errDurationLong = errors.New("is too long a time; the longest is 36500d")
	errDurationZero = errors.New("must be longer than zero")
)

// maxDuration is far beyond all use and far from overflow when added to a time.
const maxDuration = 36500 * 24 * time.Hour

// durationUnits, the longer names first where one begins with another.
var durationUnits = []struct {
	name string
	unit time.Duration
}{
	{"ms", time.Millisecond},
	{"s", time.Second},
	{"m", time.Minute},
	{"h", time.Hour},
	{"d", 24 * time.Hour},
}

// parseDuration reads one or more whole numbers with a unit: "90s", "1h30m".
// Units go from long to short, each at most once. Zero is allowed ("0s").
func parseDuration(s string) (time.Duration, error) {
	if digits(s) == len(s) && s != "" {
		return 0, errDurationUnit
	}
	total, last := time.Duration(0), time.Duration(math.MaxInt64)
	for first := true; first || s != ""; first = false {
		n := digits(s)
		if n == 0 {
			return 0, errDuration
		}
		number, rest := s[:n], s[n:]
		unit, name := durationUnit(rest)
		if unit == 0 || unit >= last {
			return 0, errDuration
		}
		count, ok := parseUint(number, int64((maxDuration-total)/unit))
		if !ok {
			return 0, errDurationLong
		}
		total += time.Duration(count) * unit
		s, last = rest[len(name):], unit
	}
	return total, nil
}

// positiveDuration is parseDuration without zero.
func positiveDuration(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err == nil && d == 0 {
		return 0, errDurationZero
	}
	return d, err
}

func durationUnit(s string) (time.Duration, string) {
	for _, u := range durationUnits {
		if strings.HasPrefix(s, u.name) {
			return u.unit, u.name
		}
	}
	return 0, ""
}

// digits counts the decimal digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// parseUint reads decimal digits; ok is false beyond limit.
func parseUint(s string, limit int64) (n int64, ok bool) {
	for _, c := range []byte(s) {
		d := int64(c - '0')
		if n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, n <= limit
}
