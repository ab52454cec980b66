package delivery

import "time"

// Pace says how hard an upstream may be asked at this time: quota.Pace is one.
// The lane calls it under a lock of its own.
type Pace interface {
	// Connections is how many attempts may be under way, at least 1.
	Connections(now time.Time) int
	// Fits is how many of n may be sent now.
	Fits(now time.Time, n int) int
	// Delay is how long until n may be sent; 0: they count as sent now.
	Delay(now time.Time, n int) time.Duration
	// Rate is how many may be sent in a second; limited is false where there
	// is no bound.
	Rate(now time.Time) (perSecond float64, limited bool)
	// Slow asks less, because the upstream wants it, for at least that long.
	Slow(now time.Time, least time.Duration)
	// RestartSlowly begins with one connection, after an outage: what has
	// piled up meanwhile does not come as a storm.
	RestartSlowly(now time.Time)
	// Ok says that n were taken: what goes well comes back step by step.
	Ok(now time.Time, n int)
	// Slowed reports whether less is asked because of Slow.
	Slowed() bool
	// State and Restore keep over a restart what is not as at the beginning;
	// nil: there is nothing to keep.
	State() []byte
	Restore(now time.Time, state []byte) error
}

// steady is the Pace of a lane that has none: always as many connections, as
// fast as they go.
type steady int

func (s steady) Connections(time.Time) int                        { return int(s) }
func (s steady) Fits(_ time.Time, n int) int                      { return n }
func (s steady) Delay(time.Time, int) time.Duration               { return 0 }
func (s steady) Rate(time.Time) (perSecond float64, limited bool) { return 0, false }
func (s steady) Slow(time.Time, time.Duration)                    {}
func (s steady) RestartSlowly(time.Time)                          {}
func (s steady) Ok(time.Time, int)                                {}
func (s steady) Slowed() bool                                     { return false }
func (s steady) State() []byte                                    { return nil }
func (s steady) Restore(time.Time, []byte) error                  { return nil }
