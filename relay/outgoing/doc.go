// Package outgoing makes a message fit for one upstream, at delivery: it puts
// other addresses in the place of those that the upstream would refuse,
// encodes anew what the server does not take, and signs what comes of it.
//
// What it promises:
//
//   - The stored message is never changed. What is sent is made of it anew for
//     each attempt, and is the same, byte for byte, for each attempt at the
//     same upstream; a signature that an earlier attempt has made is used
//     again.
//   - A message that needs none of it passes untouched, and is not even read.
//   - Memory is bounded by the header section (message.MaxHeader). The stored
//     body is read three times at most, the sending included: to see what has
//     to become of it, to sign or to measure it, and to send it.
//   - Signing comes last, with the key of the domain that From has then.
//   - What cannot be made fit is an *upstream.Unsuitable with a verdict. No
//     mail is lost by it: what another upstream may take fails over, and what
//     cannot be signed is held with an incident.
package outgoing
