// Package route finds the way of a recipient: the first route, in the order of
// the configuration, whose match holds.
//
// A route with the strategy Balance asks its upstreams in an order that is
// drawn by weight: see Route.Order.
//
// It is pure. A Table is compiled once, never changes, and is safe for
// concurrent use; matching on anything but header fields allocates nothing. What is drawn depends on nothing but the seed
// of the query, the names and the weights.
package route
