package main

import (
	"fmt"
	"reflect"
	"slices"
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

// sameAgain reports whether two runs of events tell of the same at two times:
// an attempt that ended as the one before did.
func sameAgain(a, b []admin.Event) bool {
	return slices.EqualFunc(a, b, func(x, y admin.Event) bool {
		for _, e := range []*admin.Event{&x, &y} {
			e.At, e.NextAttempt, e.DurationMS, e.TotalMS = admin.Time{}, admin.Time{}, 0, 0
		}
		return reflect.DeepEqual(x, y)
	})
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
