package route

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
)

// drawnPlaces is how many places at the front of a balanced order are drawn:
// whom a message goes to, and who stands in where that upstream is down. The
// others follow in the order of the list. A store keeps a line for each order
// that occurs, and with more places there could be very many.
const drawnPlaces = 2

// Order gives the upstreams in the order in which a message is to try them; the
// caller must not change the list. Of a route with the strategy Balance it is
// drawn, the same one for the same seed: the first by the shares that the
// weights say, the second likewise among those that are left, then the others
// in the order of the list. Upstreams of weight 0 come after all that have one.
func (r Route) Order(seed string) []string {
	if r.Strategy != Balance || len(r.Upstreams) < 2 {
		return r.Upstreams
	}
	lots := make([]lot, len(r.Upstreams))
	for i, name := range r.Upstreams {
		lots[i] = lot{place: i, wait: wait(seed, name, r.weight(i))}
	}
	slices.SortStableFunc(lots, func(a, b lot) int { return cmp.Compare(a.wait, b.wait) })
	if rest := lots[min(drawnPlaces, len(lots)):]; len(rest) > 1 {
		slices.SortFunc(rest, func(a, b lot) int {
			return cmp.Or(cmp.Compare(a.resort(), b.resort()), cmp.Compare(a.place, b.place))
		})
	}
	order := make([]string, len(lots))
	for i, l := range lots {
		order[i] = r.Upstreams[l.place]
	}
	return order
}

func (r Route) weight(i int) int {
	if r.Weights == nil {
		return 1
	}
	return r.Weights[i]
}

// lot is what an upstream draws.
type lot struct {
	place int     // in the list
	wait  float64 // the shortest comes first
}

// resort is 1 for a last resort, else 0.
func (l lot) resort() int {
	if math.IsInf(l.wait, 1) {
		return 1
	}
	return 0
}

// wait draws an exponential waiting time whose rate is the weight. Who comes
// first among several such times is a choice by weight, and so is who comes
// next among the rest (Efraimidis and Spirakis, 2006). As each upstream draws
// for itself, one that is added or taken out leaves the order of the others as
// it was.
func wait(seed, upstream string, weight int) float64 {
	if weight <= 0 {
		return math.Inf(1)
	}
	sum := sha256.Sum256([]byte(seed + "\x00" + upstream))
	bits := binary.BigEndian.Uint64(sum[:]) >> 11 // as many as a float64 holds
	uniform := (float64(bits) + 1) / (1 << 53)    // in (0, 1]
	return -math.Log(uniform) / float64(weight)
}
