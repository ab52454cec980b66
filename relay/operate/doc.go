// Package operate decides what an operator's wish makes of mail in the spool,
// and carries it out: on the spool of the running daemon, and in the same way
// on that of a stopped one.
//
// It touches nothing that is being sent: what is wanted of that is an intent,
// which is stored, and carried out when the attempt ends, or instead of the next
// one where it never does. Each recipient that it changes has an event stored
// with it that says who wanted that.
package operate
