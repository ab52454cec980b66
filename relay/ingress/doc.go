// Package ingress takes mail in over SMTP: it is the only place that turns an
// error into an SMTP reply.
//
// # The parts
//
// A Server has a listener per Options. Each accepted socket becomes a link,
// counted and bounded before a byte is said, and a conn on it: the wire. A conn
// hands go-smtp one command line at a time and sees each before go-smtp does;
// go-smtp parses commands and calls the session; the session checks, routes and
// spools.
//
// # What holds
//
//   - "250 2.0.0 Ok: queued as ID" is said only after Spool.Accept returned nil.
//   - A body that did not arrive whole is never accepted: any read error closes
//     the connection for good, an end of file is an error everywhere, and the
//     chunks of BDAT are counted on the wire, inside TLS.
//   - Only CRLF.CRLF ends DATA. What follows a broken body, a bad BDAT or a
//     STARTTLS in clear is never read as commands: the connection closes.
//   - STARTTLS starts a new session over the new connection: nothing that was
//     said in clear is remembered.
//   - Memory is bounded per connection: command lines of 4 KiB, a body buffer of
//     32 KiB while a body is read, a header section of message.MaxHeader.
//   - Time is bounded: one idle time-out for a whole command line, a floor on
//     the average rate of a body, a deadline on every write.
//   - What a client says reaches events and Received lines only escaped, and
//     passwords reach neither.
package ingress
