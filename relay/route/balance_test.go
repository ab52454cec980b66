package route

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
)

// seeds are like the ids of messages: alike but for their last characters.
func seed(i int) string { return fmt.Sprintf("01JDQ0000000000000%08d", i) }

// TestSharesFollowWeights draws many orders and compares the shares of the
// first place, and those of the second among the rest, with the weights. The
// draws are the same in every run; four standard deviations are allowed.
func TestSharesFollowWeights(t *testing.T) {
	const n = 20_000
	for _, weights := range [][]int{nil, {3, 1}, {1, 1, 1}, {5, 3, 2, 0}, {1, 1000}, {7, 1, 1, 1, 10}, {1_000_000, 1_000_000}} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			r := balanced(weights)
			first := make(map[string]int)
			second := make(map[[2]string]int)
			for i := range n {
				o := r.Order(seed(i))
				first[o[0]]++
				second[[2]string{o[0], o[1]}]++
			}
			total := 0
			for i := range r.Upstreams {
				total += r.weight(i)
			}
			for i, name := range r.Upstreams {
				near(t, name, first[name], n, float64(r.weight(i))/float64(total))
				for j, other := range r.Upstreams {
					if rest := total - r.weight(i); i != j && rest > 0 && first[name] > 0 {
						near(t, name+" then "+other, second[[2]string{name, other}], first[name], float64(r.weight(j))/float64(rest))
					}
				}
			}
		})
	}
}

func near(t *testing.T, what string, got, of int, share float64) {
	t.Helper()
	want := float64(of) * share
	if deviation := math.Sqrt(want * (1 - share)); math.Abs(float64(got)-want) > 4*deviation+1e-9 {
		t.Errorf("%s: %d of %d, want about %.0f", what, got, of, want)
	}
}

func balanced(weights []int) Route {
	r := Route{Name: "r", Strategy: Balance, Weights: weights}
	n := len(weights)
	if weights == nil {
		n = 3
	}
	for i := range n {
		r.Upstreams = append(r.Upstreams, string(rune('a'+i)))
	}
	return r
}

// TestOrderProperties: whatever the weights, an order has each upstream once,
// those of weight 0 at the end, those after the drawn places as in the list,
// and it is the same for the same seed.
func TestOrderProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		weights := make([]int, 1+random.IntN(8))
		for i := range weights {
			weights[i] = random.IntN(4)
		}
		r := balanced(weights)
		listed := slices.Clone(r.Upstreams)
		s := seed(random.IntN(1000))
		order := r.Order(s)
		if !slices.Equal(r.Upstreams, listed) {
			t.Fatalf("the list of the route became %v", r.Upstreams)
		}
		if again := r.Order(s); !slices.Equal(order, again) {
			t.Fatalf("%v and %v for the same seed", order, again)
		}
		if all := slices.Sorted(slices.Values(order)); !slices.Equal(all, listed) {
			t.Fatalf("%v: %v is not of %v", weights, order, listed)
		}
		weight := func(name string) int { return weights[name[0]-'a'] }
		for i := 1; i < len(order); i++ {
			before, name := order[i-1], order[i]
			if weight(before) == 0 && weight(name) > 0 {
				t.Fatalf("%v: %v has a last resort before another", weights, order)
			}
			if i > drawnPlaces && (weight(before) > 0) == (weight(name) > 0) && before > name {
				t.Fatalf("%v: %v does not end in the order of the list", weights, order)
			}
		}
	}
}

// TestOrderIsStable: an upstream that is taken out of a route leaves the order
// of the others as it was, for every message.
func TestOrderIsStable(t *testing.T) {
	three, two := balanced([]int{2, 1, 1}), balanced([]int{2, 1, 1})
	two.Upstreams, two.Weights = two.Upstreams[:2], two.Weights[:2]
	for i := range 1000 {
		before, after := three.Order(seed(i)), two.Order(seed(i))
		if want := slices.DeleteFunc(slices.Clone(before), func(s string) bool { return s == "c" }); !slices.Equal(after, want) {
			t.Fatalf("%v became %v", before, after)
		}
	}
}

// TestOrdersAreFew: the store keeps a line for each order.
func TestOrdersAreFew(t *testing.T) {
	r := balanced([]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	seen := make(map[string]bool)
	for i := range 5000 {
		seen[fmt.Sprint(r.Order(seed(i)))] = true
	}
	if n := len(r.Upstreams); len(seen) > n*(n-1) {
		t.Errorf("%d orders of %d upstreams", len(seen), n)
	}
}

// TestFailoverKeepsOrder: without the strategy weights and seeds do nothing.
func TestFailoverKeepsOrder(t *testing.T) {
	r := balanced([]int{0, 0, 9})
	r.Strategy = Failover
	for i := range 100 {
		if got := r.Order(seed(i)); !slices.Equal(got, r.Upstreams) {
			t.Fatalf("got %v", got)
		}
	}
}

// TestOneOrderPerMessage: all recipients of a message share a transaction only
// where they have the same order.
func TestOneOrderPerMessage(t *testing.T) {
	table := New([]Route{balanced(nil)})
	a, _ := table.Route(relay.RouteQuery{Seed: seed(1), Recipient: "a@example.com"}, time.Time{})
	for i := range 100 {
		b, ok := table.Route(relay.RouteQuery{Seed: seed(1), Recipient: fmt.Sprintf("b%d@example.net", i)}, time.Time{})
		if !ok || !slices.Equal(a.Upstreams, b.Upstreams) {
			t.Fatalf("%v and %v", a.Upstreams, b.Upstreams)
		}
	}
}

// TestAssignmentHasAction: what a route does with its mail is in the
// assignment.
func TestAssignmentHasAction(t *testing.T) {
	table := New([]Route{{Name: "r", Upstreams: []string{"a"}, Action: relay.RouteRedirect, RedirectTo: "qa@example.com"}})
	a, ok := table.Route(relay.RouteQuery{}, time.Time{})
	if !ok || a.Action != relay.RouteRedirect || a.RedirectTo != "qa@example.com" {
		t.Errorf("got %+v, %v", a, ok)
	}
}
