// Package upstreamtest is a scripted fake provider: a small real SMTP server
// on loopback that records what it accepted and misbehaves on request. The
// tests and the demo command stand on it.
//
// It promises that
//   - a message is recorded only when its whole content has been read and the
//     answer to the final dot is a 2xx (or the script says Recorded), before
//     that answer is sent, with dot-stuffing undone and not a byte changed;
//   - every stage of the dialogue can be scripted while the server runs, see
//     Server.On and Act;
//   - nothing has to be slept for: WaitMessages, WaitStage and WaitClosed wait
//     for events;
//   - Close ends every session and returns when all goroutines have gone.
//
// It is a fake and no mail server: it does not check addresses, keeps all that
// it recorded in memory (see Options.Light), and listens where it is told to.
package upstreamtest
