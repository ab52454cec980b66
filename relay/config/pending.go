package config

import (
	"errors"
	"strconv"
)

// readPending reads the blocks that have no behaviour yet. They are checked
// all the same, so that a typing error in them is told as one.
func readPending(s *section) {
	if d := s.block("dedupe"); d.written {
		readDedupe(d)
	}
	readWatching(s)
}

// readDedupe reads the block dedupe.
func readDedupe(s *section) {
	read(s, "header", "", fieldName)
	read(s, "window", 0, positiveDuration)
	s.end()
}

var errDecimal = errors.New(`is not a number; write one like "0.9"`)

// decimal takes a number that is not negative.
func decimal(v string) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1e18) {
		return 0, errDecimal
	}
	return f, nil
}
