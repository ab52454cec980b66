package retry

import (
	"math"
	"time"
)

// Delay is the time until the next attempt after this many attempts, spread by
// random, which is in [0, 1); it is in [0, p.Max]. ok is false when there is to
// be no further attempt. Fewer than one attempt counts as one.
func (p Policy) Delay(attempts int, random float64) (d time.Duration, ok bool) {
	if p.MaxAttempts > 0 && attempts >= p.MaxAttempts {
		return 0, false
	}
	return p.spread(p.base(max(attempts, 1)), random), true
}

// base is the delay before jitter, in [0, p.Max]; attempts is at least 1.
func (p Policy) base(attempts int) time.Duration {
	switch p.Backoff {
	case Exponential:
		return p.exponential(attempts)
	case Fibonacci:
		return p.fibonacci(attempts)
	case List:
		if len(p.Schedule) == 0 {
			return p.bound(p.Initial)
		}
		return p.bound(p.Schedule[min(attempts, len(p.Schedule))-1])
	default:
		return p.bound(p.Initial)
	}
}

// exponential is Initial × Factor^(attempts-1). It is compared with Max while
// it is still a float64, which may be infinite but does not wrap.
func (p Policy) exponential(attempts int) time.Duration {
	if p.Initial <= 0 {
		return 0
	}
	grown := float64(p.Initial) * math.Pow(p.Factor, float64(attempts-1))
	if !(p.Factor > 1) || math.IsNaN(grown) {
		return p.bound(p.Initial)
	}
	if grown >= float64(p.Max) {
		return p.bound(p.Max)
	}
	return time.Duration(grown)
}

// fibonacci is Initial × 1, 2, 3, 5, 8, …: each the sum of the two before it.
// It is at Max, and done, after some 90 steps at most.
func (p Policy) fibonacci(attempts int) time.Duration {
	if p.Initial <= 0 {
		return 0
	}
	previous, current := p.bound(p.Initial), p.bound(p.Initial)
	for range attempts - 1 {
		if current >= p.Max-previous {
			return p.bound(p.Max)
		}
		previous, current = current, current+previous
	}
	return current
}

// spread draws a delay from [d(1-j), d(1+j)], cut at Max. It draws from what is
// left of the range instead of cutting the result: else half of all mail that
// has reached Max would wait exactly that long, and come back in one wave.
func (p Policy) spread(d time.Duration, random float64) time.Duration {
	j := unit(p.Jitter)
	low := float64(d) * (1 - j)
	high := min(float64(d)*(1+j), float64(p.Max))
	at := low + (high-low)*unit(random)
	if at >= float64(p.Max) { // float64 rounds large durations upwards
		return p.bound(p.Max)
	}
	return max(time.Duration(at), 0)
}

func (p Policy) bound(d time.Duration) time.Duration { return max(min(d, p.Max), 0) }

// unit brings x into [0, 1]; what is no number is 0.
func unit(x float64) float64 {
	if !(x > 0) {
		return 0
	}
	return min(x, 1)
}
