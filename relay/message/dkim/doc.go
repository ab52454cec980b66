// Package dkim signs messages (RFC 6376), with RSA and Ed25519 keys (RFC 8463),
// reads key files, and writes and judges the DNS records that belong to them.
//
// What it promises:
//
//   - The keys are those of the domain of From: of the first address in the
//     first From field. The longest configured domain that it is, or is below
//     of, wins; d= is that configured domain. Every key of it signs. Where no
//     domain fits, or there is no From, a message stays unsigned.
//   - Header and text are signed relaxed: white space may change on the way.
//     No signature expires (x=) or leaves a part of the text open (l=).
//   - The fields that RFC 6376 5.4.1 recommends are signed, and named once more
//     than they occur, so that none can be added. See signedFields for those
//     that a relay on the way may add, and Options.Unsigned for those that the
//     provider replaces.
//   - A message is read once, in one pass for all keys, in bounded memory and
//     time. No input panics.
//   - The same content gets the same signature but for its time (t=): whoever
//     keeps the fields under Signer.Fingerprint need not sign again.
package dkim
