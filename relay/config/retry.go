package config

import (
	"math"
	"slices"
	"time"

	"relaykeep/relay/retry"
)

// defaultRetry is the policy of routes that name none. It exists whether or
// not it is in the file.
const defaultRetry = "default"

var backoffs = map[string]retry.Backoff{
	"exponential": retry.Exponential,
	"fibonacci":   retry.Fibonacci,
	"fixed":       retry.Fixed,
	"list":        retry.List,
}

// readRetries reads the blocks retry.
func readRetries(s *section) map[string]retry.Policy {
	policies := map[string]retry.Policy{}
	for _, r := range s.named("retry") {
		policies[r.name] = readRetry(r)
	}
	if _, ok := policies[defaultRetry]; !ok {
		policies[defaultRetry] = readRetry(s.unwritten("retry"))
	}
	return policies
}

// readRetry reads one policy. What is left out has the values of the policy
// "default" as documented, whatever the file makes of that one.
func readRetry(s *section) retry.Policy {
	backoff := s.choice("backoff", "exponential", "exponential", "fibonacci", "fixed", "list")
	p := retry.Policy{
		Backoff:     backoffs[backoff],
		Initial:     read(s, "initial", time.Minute, positiveDuration),
		Factor:      s.number("factor", 2, 1, 1000),
		Jitter:      s.number("jitter", 0.2, 0, 1),
		Schedule:    readList(s, "schedule", nil, positiveDuration),
		MaxAttempts: s.count("max_attempts", 0, 0, math.MaxInt32),
		Expire:      read(s, "expire", 5*day, positiveDuration),
	}
	p.Max = read(s, "max", defaultMax(p), positiveDuration)
	p.WarnAfter = read(s, "warn_after", 0, optional(positiveDuration))
	if !s.faulty {
		checkRetry(s, p)
	}
	s.end()
	return p
}

// defaultMax is an hour, or what delays that are written out need.
func defaultMax(p retry.Policy) time.Duration {
	longest := time.Hour
	switch p.Backoff {
	case retry.Fixed:
		longest = max(longest, spread(p.Initial, p.Jitter))
	case retry.List:
		for _, d := range p.Schedule {
			longest = max(longest, spread(d, p.Jitter))
		}
	}
	return longest
}

// spread is the longest that jitter makes of a delay. Both are bounded far
// below what would overflow.
func spread(d time.Duration, jitter float64) time.Duration {
	return d + time.Duration(jitter*float64(d))
}

// checkRetry looks at what keys say together.
func checkRetry(s *section, p retry.Policy) {
	isList := p.Backoff == retry.List
	switch {
	case isList && len(p.Schedule) == 0 && s.entry("schedule").state != pending:
		s.errorAt(s.at("backoff"), `backoff: "list" needs a schedule; write schedule = ["1m", "5m", "30m"]`)
	case !isList && len(p.Schedule) > 0:
		s.fault("schedule", `has no effect without backoff = "list"`)
	case isList && slices.Max(append(p.Schedule, 0)) > p.Max:
		s.fault("schedule", "has a delay longer than max; raise max or leave it out")
	case !isList && p.Initial > p.Max:
		s.fault("initial", "is longer than max; raise max or lower initial")
	}
	if p.WarnAfter > 0 && p.WarnAfter >= p.Expire {
		s.warn("warn_after", "never comes: mail expires before")
	}
	if isList && s.has("initial") {
		s.warn("initial", `has no effect with backoff = "list"; schedule has the delays`)
	}
	if p.Backoff != retry.Exponential && s.has("factor") {
		s.warn("factor", "has an effect with backoff = \"exponential\" only")
	}
}
