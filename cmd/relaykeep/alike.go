package main

import (
	"fmt"
	"reflect"
	"strings"

	"relaykeep/relay/admin"
)

// runs splits a list where an element differs from the one before.
func runs[T any](list []T, same func(a, b T) bool) [][]T {
	var out [][]T
	start := 0
	for i := range list {
		if i+1 == len(list) || !same(list[i], list[i+1]) {
			out = append(out, list[start:i+1])
			start = i + 1
		}
	}
	return out
}

// sameFate reports whether two recipients differ in nothing that matters but
// their addresses.
func sameFate(a, b admin.Recipient) bool {
	a.Address, b.Address = "", ""
	a.NextAttempt, b.NextAttempt = admin.Time{}, admin.Time{} // jitter
	return reflect.DeepEqual(a, b)
}

// sameEvent reports whether two events say the same of two recipients.
func sameEvent(a, b admin.Event) bool {
	a.To, b.To = "", ""
	a.NextAttempt, b.NextAttempt = admin.Time{}, admin.Time{} // jitter
	return reflect.DeepEqual(a, b)
}

// maxNames is how many of a run are named.
const maxNames = 5

// names joins the first names of n.
func names(n int, name func(int) string) string {
	var list []string
	for i := range min(n, maxNames) {
		list = append(list, name(i))
	}
	s := strings.Join(list, ", ")
	if n > maxNames {
		s += fmt.Sprintf(" and %d more", n-maxNames)
	}
	return s
}
