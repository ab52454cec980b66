// Package filter lets content filters see a message before it is accepted, and
// change or refuse it. It speaks the milter protocol of Sendmail, version 6, by
// github.com/d--j/go-milter: rspamd, opendkim, clamav-milter and their like.
//
// # What holds
//
//   - A Chain asks its filters in order; each sees what those before it made of
//     the message. One that refuses or discards it ends the chain.
//   - A message is shown as a whole, after it has come in: one dialogue per
//     filter and message, over a connection of its own, in which the steps of
//     the SMTP session are gone through again. An answer that refuses one
//     recipient refuses the message: the others cannot be told apart any more.
//   - What a filter asks for is done wholly or, where something of it cannot be
//     done, not at all: then the filter is in trouble.
//   - A filter in trouble (no connection, no answer in time, nonsense) lets mail
//     wait or pass, as Options.PassOnError says, and never ends in a panic, in
//     unbounded memory or in unbounded time. Its connection is bounded by the
//     time-out as a whole, by maxFrame, maxSaid and maxChanges.
//   - Texts of filters reach clients and logs as one line of printable ASCII of
//     at most MaxText bytes.
//   - A Mail holds its text in memory as long as it is short and there is Room,
//     beyond that in a file without a name: nothing is left by a crash.
package filter
