// Package quota counts what an upstream was given, and says what more it may
// be given now. A Counter keeps to the quotas of an account; a Pace keeps to
// its rate, asks less of an upstream that is too slow for us, and more again
// step by step.
//
// It is pure: the caller tells the time, locks and waits. Nothing here is safe
// for concurrent use.
//
// Counting errs on the side of the provider. A rolling Limit never lets more
// than N through in any time of the length Per: what was taken is counted in
// 96 slices of time, and each slice stays counted until all of it is older
// than Per. So something stays counted for up to one slice, or 1/95 of Per,
// longer than the provider counts it, and never shorter. What is counted is the
// time of Take, not the time at which the provider sees the message.
//
// A Limit with a Reset is counted from one reset to the next, whatever the
// length of the day between.
//
// The clock may jump. Where times carry a monotonic reading, as those of
// time.Now do, rolling windows do not see the jump. Without one, or over a
// restart, a clock that goes forwards lets them end early; one that goes
// backwards stops them until the caller has lived through their length once, so
// that nobody is locked out for longer than a window. A day that a clock was
// put forward into by mistake, and back out of, is counted on.
package quota
