package config

import (
	"time"

	"relaykeep/relay/ingress"
)

// readDedupe reads the block dedupe; without it every message is new.
func readDedupe(s *section) *ingress.Dedupe {
	d := &ingress.Dedupe{
		Header: read(s, "header", "X-Idempotency-Key", fieldName),
		Window: read(s, "window", 24*time.Hour, positiveDuration),
	}
	s.end()
	if !s.written {
		return nil
	}
	return d
}
