// Package quota counts what an upstream was given, and says what more it may
// be given now. It is pure: the caller tells the time, locks, and waits.
//
// It errs on the side of the provider: within any time of the length of a
// rolling limit no more is let through than the limit says, because what was
// taken is counted until the slice of time that it fell into has gone by whole
// (a sixtieth of the limit's time longer at most). A limit with a reset is
// counted from one reset to the next, whatever the length of the day between.
//
// The clock may jump. Forwards, windows end earlier; backwards, what was
// counted stays counted for the length of its window from then on, and nobody
// is locked out for longer.
package quota
