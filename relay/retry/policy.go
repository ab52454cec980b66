package retry

import (
	"fmt"
	"slices"
	"time"
)

// Policy says when a deferred recipient is tried again, and when no more.
type Policy struct {
	Backoff     Backoff
	Initial     time.Duration
	Factor      float64         // for exponential, at least 1
	Max         time.Duration   // no delay is longer, jitter included
	Jitter      float64         // 0 to 1: a delay d becomes a random one in [d(1-j), d(1+j)]
	Schedule    []time.Duration // for list; the last repeats
	MaxAttempts int             // 0: no limit
	Expire      time.Duration
	WarnAfter   time.Duration // when the sender is told that mail is late; 0: never
}

// Backoff is how delays grow.
type Backoff uint8

// The kinds of backoff.
const (
	Exponential Backoff = iota
	Fibonacci
	Fixed
	List
)

var backoffNames = []string{"exponential", "fibonacci", "fixed", "list"}

// String gives the contract's name of b.
func (b Backoff) String() string {
	if int(b) < len(backoffNames) {
		return backoffNames[b]
	}
	return fmt.Sprintf("unknown(%d)", uint8(b))
}

// MarshalText gives the contract's name of b.
func (b Backoff) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads the contract's name of a backoff.
func (b *Backoff) UnmarshalText(text []byte) error {
	i := slices.Index(backoffNames, string(text))
	if i < 0 {
		return fmt.Errorf("unknown backoff %q", text)
	}
	*b = Backoff(i)
	return nil
}
