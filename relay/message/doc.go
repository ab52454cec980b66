// Package message is the streaming work on a mail's content while it is taken
// in: newline repair, the reading of its header section, and the Received line
// that goes on top.
//
// Nothing here holds a message: memory is bounded by the header section
// (MaxHeader) and by the buffers of the caller. Input is hostile; no input
// panics.
package message
