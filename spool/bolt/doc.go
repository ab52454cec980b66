// Package bolt is the store of one process: a spool in one bbolt file.
//
// # What it promises
//
// A single committer takes every change that waits into one transaction, so
// writers never queue up on fsync one by one; a change is acknowledged only
// when the transaction that holds it is on disk (two fdatasyncs). While a
// client sends one message after the other, marks and outcomes wait for its
// next one for a millisecond at most, so that it does not wait for theirs.
// Counts, due index, expiry index and history change in the same transaction as
// the record that they follow from.
//
// Bodies lie in chunks in a bucket of their own. A small one goes in with its
// message; a large one is staged over several transactions and becomes visible
// in the last. What a crash left half staged is swept at the next Open.
//
// Where more than 128 MiB are in use a short list of the free pages is kept in
// the file, and any list is left there by Close, so that Open need not visit
// every page; it is done afterwards, at a tenth of the pace beside the work, and
// the store fails where a page is damaged. After a crash of a small spool, or
// behind a large drain, Open does visit them: about a second for each gigabyte
// in use.
//
// Each tree that a message touches is two or three pages more in a commit. So
// its events lie in its record, and the history has no index: it is pruned in
// the order of receipt.
//
// Nothing is loaded at Open that grows with the queue: only the chains (lists
// of upstreams), the counts, and the marks of the few deliveries that an
// earlier process had under way.
//
// A commit that fails with a full disk leaves the file as it was: more mail is
// refused (spool.ErrFull), a ballast file is let go, and deliveries go on. Any
// other failed commit leaves its outcome unknown: the store refuses everything
// from then on, closes Failed, and leaves a note beside the file so that the
// next Open verifies it.
//
// # Layout
//
// Keys begin with the 16 bytes of the message id unless said otherwise; times
// are nanoseconds since 1970 in 8 bytes, big-endian.
//
//	meta      schema, instance, counts
//	queue     id → record of an unfinished message
//	history   id → record of a finished one
//	bodies    id, chunk number (4) → bytes
//	staged    id → nothing: a body that is being staged
//	chains    chain id (4) → routing table, list of upstreams
//	due       chain id (4), priority (1), time (8), id → nothing
//	expiry    time (8), id → nothing: when the next recipient runs out of time or
//	          is due for a warning; 0 where a report is due
//	marks     id, lease (8) → mark
//	events    id, sequence (8) → event: those that its record has no room for
//	kept      time (8), id → nothing: bodies of failed mail that are kept
//	tokens    upstream → refresh token
//	incidents number (8) → incident
//	causes    cause → number of its incident
//	held      number (8), id → how many recipients it holds there (4)
//	lanes     upstream → what the scheduler keeps of it
//	dedupe    key (32) → time (8), id, digest (32): what came under it last
//	forget    time (8), key (32) → nothing: to prune the keys by
package bolt
