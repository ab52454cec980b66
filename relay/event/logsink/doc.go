// Package logsink writes events as log lines: text through hclog, and JSON as
// hclog would, byte for byte.
//
// Each event is one line, whatever strangers put into it: control characters,
// invalid UTF-8 and invisible format characters (which could reorder what a
// terminal shows) are written as escapes, and every text is bounded. Addresses
// are masked as configured, also where a reply quotes them.
//
// A log reader that stalls stalls nothing else: the sink has a bounded queue
// in front of the logger, and what does not fit is dropped, counted and told
// in one line when the reader has come back. No line waits for another: those
// of events that come at once may go out in one write.
package logsink
