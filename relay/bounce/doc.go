// Package bounce tells senders what became of their mail: delivery status
// notifications as multipart/report (RFC 3462, 3464), with the wishes of
// RFC 3461 (NOTIFY, RET, ENVID, ORCPT) and the UTF-8 forms of RFC 6533.
//
// What it promises:
//
//   - A mail with the null sender is never answered, and every notice has the
//     null sender: a notice that cannot be delivered ends there. So does one
//     that comes back with an address in the null sender's place.
//   - One notice tells of all recipients that share a cause (failed, delayed,
//     relayed) and the settings of their routes.
//   - What strangers have said (a header, an address, a reply) is encoded or
//     escaped: a notice is pure ASCII, no line of it is over 998 bytes, and its
//     boundaries are found in nothing that it holds.
//   - A notice is at most spool.MaxNotice bytes, however large the mail was and
//     however many recipients it had.
//   - A sender gets at most so many notices in a time (Limit). What is past
//     that is an event, and no notice.
//
// Nothing is sent from here: notices are composed, and the spool writes them
// in the transaction that settles the recipients they tell of.
package bounce
