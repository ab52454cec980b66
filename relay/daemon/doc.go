// Package daemon wires the rooms of relaykeep together; nothing else does.
//
// It builds from the spool outward: store, sinks, transports, scheduler, admin
// socket, listeners; and ends in reverse: first nobody may bring mail any more,
// then what is being sent is settled, then the sinks are flushed, and last the
// store is closed. Each part's end is registered where it is built.
package daemon
