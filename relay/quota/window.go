package quota

import "time"

// slices is how many parts a rolling window is counted in.
const slices = 60

// window counts one limit.
type window struct {
	limit Limit
	used  int

	// Of a limit with a reset: when the count ends.
	end time.Time

	// Of a rolling one: what was taken, by slice of time, oldest first.
	grain time.Duration
	taken []slice
}

// slice is what was taken in one part of a window.
type slice struct {
	index int64 // of grains since 1970
	n     int
}

func newWindow(l Limit) *window {
	return &window{limit: l, grain: max((l.Per+slices-1)/slices, time.Millisecond)}
}

// index is the slice that a time falls into.
func (w *window) index(t time.Time) int64 { return floorDiv(t.UnixNano(), int64(w.grain)) }

// span is how many slices stay counted: those that the window touches.
func (w *window) span() int64 { return int64((w.limit.Per+w.grain-1)/w.grain) + 1 }

// advance forgets what has left the window.
func (w *window) advance(now time.Time) {
	if r := w.limit.Reset; r != nil {
		next := r.next(now)
		if !now.Before(w.end) {
			w.used = 0
			w.end = next
		} else if next.Before(w.end) { // the clock went back
			w.end = next
		}
		return
	}
	current := w.index(now)
	gone := 0
	for gone < len(w.taken) && w.taken[gone].index+w.span() <= current {
		w.used -= w.taken[gone].n
		gone++
	}
	w.taken = append(w.taken[:0], w.taken[gone:]...)
	for i := range w.taken { // the clock went back: it counts as taken now
		w.taken[i].index = min(w.taken[i].index, current)
	}
}

// room is how many may be taken now.
func (w *window) room() int { return max(0, w.limit.N-w.used) }

// need is how many of n must fit: what is larger than the whole limit goes
// through when nothing else does.
func (w *window) need(n int) int { return min(n, w.limit.N) }

// wait is how long until n fit; the window was advanced to now.
func (w *window) wait(now time.Time, n int) time.Duration {
	n = w.need(n)
	if w.room() >= n {
		return 0
	}
	if w.limit.Reset != nil {
		return w.end.Sub(now)
	}
	room := w.room()
	for _, s := range w.taken {
		if room += s.n; room >= n {
			return time.Unix(0, (s.index+w.span())*int64(w.grain)).Sub(now)
		}
	}
	return w.limit.Per
}

// add counts n at now; a negative n is given back, the newest first.
func (w *window) add(now time.Time, n int) {
	if w.limit.Reset != nil {
		w.used = max(0, w.used+n)
		return
	}
	for n < 0 && len(w.taken) > 0 {
		last := &w.taken[len(w.taken)-1]
		back := min(-n, last.n)
		last.n -= back
		w.used -= back
		n += back
		if last.n == 0 {
			w.taken = w.taken[:len(w.taken)-1]
		}
	}
	if n <= 0 {
		return
	}
	w.used += n
	current := w.index(now)
	if k := len(w.taken); k > 0 && w.taken[k-1].index == current {
		w.taken[k-1].n += n
		return
	}
	w.taken = append(w.taken, slice{index: current, n: n})
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
