package config

import (
	"errors"
	"time"

	"relaykeep/relay"
)

// Errors of the parsers in this package go on after the value in a sentence
// ("idle_timeout: "10x" is not …"), and never hold it: it may be a secret.
var errDurationZero = errors.New("must be longer than zero")

// positiveDuration is relay.ParseDuration without zero.
func positiveDuration(s string) (time.Duration, error) {
	d, err := relay.ParseDuration(s)
	if err == nil && d == 0 {
		return 0, errDurationZero
	}
	return d, err
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
