// Package delivery is the scheduler: it takes from the spool what is due, has
// one attempt made at one upstream, and stores what became of each recipient.
//
// What it promises:
//
//   - One lane per upstream. A lane claims only what it has a free connection
//     for, so at most MaxConnections attempts run at once, and a slow or dead
//     upstream slows no other. No goroutine and no timer waits for a message:
//     what is due is found in the spool.
//   - What an attempt did to every recipient, the events that tell of it, and
//     the next due time are one Settle. The connection is free for the next
//     attempt while that commits.
//   - Each recipient has its own fate. One that was delivered is never tried
//     again, whatever happened to the others.
//   - Failover is immediate: the next upstream of the route is asked at once,
//     and the backoff begins when each has had its turn. While a way is open,
//     no message waits for one that is closed.
//   - An unknown outcome is told as in_doubt, always. It is followed by the
//     route's policy once; a second one holds the recipient.
//   - An upstream that keeps failing is left alone by its breaker, which
//     counts failures before MAIL, and from MAIL on distinct messages. It is
//     taken back by a probe that reaches the stage that had failed.
//   - A lane keeps to the rate and the quota of its upstream. What its quota
//     does not let through goes the other way, or waits unchanged until the
//     quota begins anew. An upstream that wants to be asked less is, and one
//     that comes back from an outage is asked by one connection first.
//   - A trouble that people have to look at is one incident, however many
//     messages it concerns. It disables its upstream, keeps its sender from an
//     upstream, or holds what has no other way, over a restart, too; and it
//     ends when the upstream works again, or when an operator resolves it.
//   - What there is to tell a sender (a Reporter makes the notice) is written in
//     the settlement that it tells of: a bounce is there exactly when its
//     recipients have bounced, once.
//   - A panic in an attempt holds its message and opens an incident.
//
// The decisions are pure functions (decide, judge, breaker); lane and attempt
// are the loops that act on them.
//
// # The chain of a recipient
//
// Recipient.Eligible lists, in order, the upstreams that are still to be asked
// in this round, and behind them those that have had their turn and may be
// asked again. The latter are a way out when the former close: an upstream
// that dies keeps nobody waiting whom another could serve. One that refused
// for good leaves the chain, and when nobody is left the refusal stands. When
// the round is over the whole list of the route is eligible again.
package delivery
