package bolt

import "time"

const (
	// maxLinger bounds how long a transaction waits for others to join it.
	maxLinger = time.Millisecond
	// streamGap is how close together the transactions that bring mail in come
	// while a client sends one message after the other.
	streamGap = 50 * time.Millisecond
	// crowd is how many ops in a transaction make it worth while to wait for
	// those who submitted them.
	crowd = 4
	// retrial is how many transactions wait for nobody before one tries again
	// whether anybody comes.
	retrial = 32
)

// rhythm decides whether a transaction waits for ops that are about to come.
//
// A client that sends one message after the other waits for a transaction with
// each. Between two of its messages the mark and the outcome of the one before
// come up; in a transaction of their own they would have the client wait for
// two. They are in less of a hurry than it is: they wait for its next message,
// for half the time that a transaction takes at most.
//
// Many clients and connections fall into two halves, each waiting while the
// transaction of the other is written. A transaction costs nearly the same for
// all of them as for a half: those who were just answered are waited for, for
// an eighth of that time, where they come back as fast as that.
type rhythm struct {
	took   time.Duration // by a transaction: a moving average
	mail   time.Time     // the end of the last transaction that brought mail in
	stream bool          // it came soon after the one before

	answered int // ops of the last transaction
	alone    int // how many transactions are still to wait for nobody
}

// lull is how long a batch waits, and what ends it before.
type lull struct {
	wait time.Duration // 0: not at all
	mail bool          // the first op that brings mail in ends it
	ops  int           // so many ops end it
}

// linger is the lull before a batch that begins now.
func (r *rhythm) linger(ops []*op, now time.Time) lull {
	switch {
	case r.answered >= crowd && r.alone == 0:
		return lull{wait: min(r.took/8, maxLinger), ops: len(ops) + r.answered*3/4}
	case r.stream && now.Sub(r.mail) <= streamGap && !bringsMail(ops):
		return lull{wait: min(r.took/2, maxLinger), mail: true}
	}
	return lull{}
}

// lingered notes how many ops came in a lull that waited for a crowd.
func (r *rhythm) lingered(p lull, came int) {
	if !p.mail && came < r.answered/4 {
		r.alone = retrial // they are far away: with slow clients, or upstreams
	}
}

// committed notes a transaction that lasted from begin to end.
func (r *rhythm) committed(ops []*op, begin, end time.Time) {
	r.took += (end.Sub(begin) - r.took) / 8
	r.answered, r.alone = len(ops), max(0, r.alone-1)
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
