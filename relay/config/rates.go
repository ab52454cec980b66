package config

import (
	"errors"
	"math"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/ingress"
)

var (
	errRate     = errors.New(`is not a rate; write one like "14/s", "30/m" or "50000/24h"`)
	errRateZero = errors.New("must be more than zero; leave the key out for no limit")
)

// parseRate reads a number, a slash, and a unit or a duration.
func parseRate(s string) (ingress.Rate, error) {
	number, per, found := strings.Cut(s, "/")
	if !found || number == "" || digits(number) != len(number) {
		return ingress.Rate{}, errRate
	}
	n, ok := parseUint(number, math.MaxInt32)
	if !ok {
		return ingress.Rate{}, errRate
	}
	if digits(per) == 0 {
		per = "1" + per
	}
	d, err := relay.ParseDuration(per)
	if err != nil {
		return ingress.Rate{}, errRate
	}
	if n == 0 || d < time.Millisecond {
		return ingress.Rate{}, errRateZero
	}
	return ingress.Rate{N: int(n), Per: d}, nil
}
