package retry

import "time"

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
