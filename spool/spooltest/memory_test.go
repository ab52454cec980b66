package spooltest

import (
	"testing"

	"relaykeep/spool"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) Fixture {
		s := NewMemory()
		return Fixture{Store: s, Restart: func(_ *testing.T, crash bool) spool.Store {
			s.Crash()
			return s
		}}
	})
}
