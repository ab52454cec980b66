// Package route finds the way of a recipient: the first route, in the order of
// the configuration, whose match holds.
//
// It is pure. A Table is compiled once, never changes, and is safe for
// concurrent use; matching on anything but header fields allocates nothing.
package route
