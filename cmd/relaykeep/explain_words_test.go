package main

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for want, seconds := range map[string]int{"0s": 0, "30s": 30, "1m30s": 90, "1m": 60, "10m": 600, "1h": 3600, "24h": 86400, "2d": 172800, "25h": 90000} {
		if got := span(time.Duration(seconds) * time.Second); got != want {
			t.Errorf("%d s: got %s, want %s", seconds, got, want)
		}
	}
}
