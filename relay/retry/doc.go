// Package retry decides when a deferred recipient is tried again, and when it
// is given up for the number of its attempts.
//
// It is pure: a policy, a count and a random number in, a delay out. Whatever
// the policy and the count, a delay is never negative and never longer than
// the policy's Max; nothing overflows. Time itself, and expiry with it, is the
// caller's.
package retry
