// Package classify makes a verdict of what an upstream answered: what became
// of the recipient, who is to blame, and what is to be done.
//
// It is pure. The knowledge is data: packs of rules, in files that an operator
// can read, each rule with its meaning, its source and example replies that
// the tests hold it to. The rules of a pack are tried in order and the first
// that matches decides; packs of the caller's come before the built-in ones,
// and the pack "generic", which is right for SMTP in general, comes last. Mail
// addresses in a reply are an echo of what we said: the built-in rules do not
// see them.
//
// A provider's pack also holds its presets, the limits and habits that its
// manual names. ParseReply reads a reply as people paste it, and Explain says
// which rule decides on it, and what would be done.
//
// Every answer gets a complete verdict, whatever a stranger sent: class, scope,
// action and rule are always set, and the text is one printable line of at most
// relay.MaxReplyText bytes. A reply that no rule knows is deferred, not lost.
package classify
