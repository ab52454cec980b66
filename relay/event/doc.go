// Package event carries events from where they happen to those who want to
// know: sinks, each in a package of its own below this one.
//
// Emit never blocks. A sink whose far side may be slow (a log reader, an HTTP
// endpoint) stands behind a Queue, which is bounded: when it is full events
// are dropped and counted, and the loss is told once there is room again. What
// must not be lost is in the spool, where the events of a message are stored
// in the transaction that made them true.
package event
