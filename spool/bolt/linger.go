package bolt

import "time"

const (
	// maxLinger bounds how long marks and outcomes wait for mail to join them.
	maxLinger = time.Millisecond
	// streamGap is how close together the transactions that bring mail in come
	// while a client sends one message after the other.
	streamGap = 50 * time.Millisecond
)

// rhythm decides whether a transaction waits for mail that is about to come.
//
// A client that sends one message after the other waits for a transaction with
// each. Between two of its messages the mark and the outcome of the one before
// come up; in a transaction of their own they would have the client wait for
// two. They are in less of a hurry than it is: they wait for its next message,
// for as long as two transactions take at most, and never over maxLinger.
type rhythm struct {
	took   time.Duration // by a transaction: a moving average
	mail   time.Time     // the end of the last transaction that brought mail in
	stream bool          // it came soon after the one before
}

// linger is how long a batch that begins now is to wait for mail; 0: not at
// all.
func (r *rhythm) linger(ops []*op, now time.Time) time.Duration {
	if !r.stream || now.Sub(r.mail) > streamGap || bringsMail(ops) {
		return 0
	}
	return min(2*r.took, maxLinger)
}

// committed notes a transaction that lasted from begin to end.
func (r *rhythm) committed(ops []*op, begin, end time.Time) {
	r.took += (end.Sub(begin) - r.took) / 8
	if !bringsMail(ops) {
		return
	}
	r.stream = begin.Sub(r.mail) <= streamGap
	r.mail = end
}

func bringsMail(ops []*op) bool {
	for _, o := range ops {
		if o.grows {
			return true
		}
	}
	return false
}
