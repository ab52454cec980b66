package ingress

import "time"

// How failed logins slow down what follows: freeFailures cost nothing, each
// further one doubles the time in which no more are looked at.
const (
	freeFailures = 5
	firstBlock   = 1 * time.Second
	lastBlock    = 5 * time.Minute
	forgetAfter  = 15 * time.Minute
)

// failures counts failed logins, by client and by user.
type failures struct{ by map[string]failing }

type failing struct {
	n    int
	last time.Time
}

// failKeys are what a login counts under: the user, and the client, unless it
// is this host, whose programs must not shut each other out. Who has logged in
// before is remembered by the guard, and not asked to wait.
func failKeys(c client, name string) []string {
	keys := []string{"user " + name}
	if !c.local() {
		keys = append(keys, "client "+c.key().String())
	}
	return keys
}

// block is how long nothing is looked at after n failures.
func block(n int) time.Duration {
	if n <= freeFailures {
		return 0
	}
	return min(firstBlock<<min(n-freeFailures-1, 20), lastBlock)
}

// blocked reports whether one of the keys must still wait.
func (f *failures) blocked(keys []string, now time.Time) bool {
	for _, k := range keys {
		if e := f.by[k]; now.Before(e.last.Add(block(e.n))) {
			return true
		}
	}
	return false
}

// failed counts one more.
func (f *failures) failed(keys []string, now time.Time) {
	if f.by == nil {
		f.by = make(map[string]failing)
	}
	if len(f.by) > maxRemember {
		f.sweep(now)
	}
	for _, k := range keys {
		e := f.by[k]
		if now.Sub(e.last) > forgetAfter {
			e.n = 0
		}
		f.by[k] = failing{e.n + 1, now}
	}
}

// forget ends the counting for a user after a success, not that for the client:
// one password does not buy guesses at others.
func (f *failures) forget(name string) { delete(f.by, "user "+name) }

// sweep makes room: first what is old, then everything, as the alternative is
// to grow.
func (f *failures) sweep(now time.Time) {
	for k, e := range f.by {
		if now.Sub(e.last) > forgetAfter {
			delete(f.by, k)
		}
	}
	if len(f.by) > maxRemember {
		clear(f.by)
	}
}
