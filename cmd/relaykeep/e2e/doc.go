// Package e2e holds the tests of the real binary, as it runs in production:
// between programs of others (swaks, smtp-source, smtp-sink, rspamd), killed at any
// moment, on disks that are full or broken, before providers that misbehave.
//
// What they promise together is one sentence, the ledger check: whatever was
// answered with 250 is delivered, queued, held or bounced, and a second copy of
// it exists only where a record says that the outcome was in doubt. After each
// test the spool is verified.
//
// They need programs from Debian (two of postfix, swaks, strace, dkimpy, opendkim)
// and from npm (mailauth): scripts/test installs them and runs everything. By
// hand:
//
//	go test ./cmd/relaykeep/e2e -rounds 1000 -run Crash
package e2e
