// Package message is the streaming work on a mail's content.
//
// While it is taken in: newline repair, the reading of its header section, the
// Received line that goes on top, and the search for what not every server
// takes (Scan). On the way out: another address takes the place of the author's
// (Rewrite), and what a server does not take is encoded anew (Recode, and
// Downgrade for header fields).
//
// Nothing here holds a message: memory is bounded by the header section
// (MaxHeader) and by the buffers of the caller. Input is hostile; no input
// panics. What is changed, receivers decode to the same content.
package message
