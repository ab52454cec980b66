// Package relay is the vocabulary that every room of relaykeep shares: a
// message and its recipients, what an upstream said about them (Verdict), and
// what happened (Event).
//
// It imports the standard library only, holds no behaviour beyond the parsing
// and printing of its own values, and every value in it is plain data: safe to
// copy, and safe to read from several goroutines while nobody writes.
package relay
