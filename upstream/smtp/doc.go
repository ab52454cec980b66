// Package smtp carries messages to a provider over SMTP: the upstream.Transport
// that keeps connections, pipelines, logs in and streams.
//
// It promises that
//   - a Deliver makes one attempt and gives one verdict per recipient. A kept
//     connection that turns out to be dead, or that answers 421 before anything
//     else, is replaced by one fresh connection and is no attempt;
//   - the final dot is sent only after the mark is durable and only where the
//     whole body was read without an error. From its first byte on, the lack of
//     an answer is an unknown outcome and never a failure;
//   - a connection about which there is any doubt (a reply that is malformed,
//     unexpected or missing, an interrupted command, bytes that nobody asked
//     for) is closed and never used again;
//   - a credential is sent only over TLS whose certificate was verified or
//     pinned, unless the configuration wants it otherwise (NoTLS, SkipVerify),
//     and is in no error and no text;
//   - whatever the server sends is bounded: a line, a reply, the text of an
//     answer, and the time for each of them (RFC 5321, section 4.5.3.2);
//   - the end of a context interrupts at once, at every stage, except while
//     the mark is waited for.
//
// A body with 8-bit content is sent as it is also to a server that does not
// offer 8BITMIME: all that are in use take it, and a relay that rewrote the
// content would break its signatures.
package smtp
