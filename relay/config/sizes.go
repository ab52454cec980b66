package config

import (
	"errors"
	"math"
)

var (
	errSize      = errors.New(`is not a size; write one like "512KiB", "50MiB", "20GiB" or plain bytes`)
	errSizeLarge = errors.New("is too large a size; the largest is 8191PiB")
	errSizeZero  = errors.New("must be larger than zero")
)

// sizeUnits are the units of sizes, binary and decimal ones.
var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
}

// parseSize reads a whole number with a unit, in bytes: "50MiB", "1000".
func parseSize(s string) (int64, error) {
	n := digits(s)
	unit, known := sizeUnits[s[n:]]
	if n == 0 || !known {
		return 0, errSize
	}
	count, ok := parseUint(s[:n], math.MaxInt64/unit)
	if !ok {
		return 0, errSizeLarge
	}
	return count * unit, nil
}

// positiveSize is parseSize without zero.
func positiveSize(s string) (int64, error) {
	n, err := parseSize(s)
	if err == nil && n == 0 {
		return 0, errSizeZero
	}
	return n, err
}
