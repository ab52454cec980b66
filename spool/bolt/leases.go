package bolt

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// leaseTable knows what is being sent. It lives in memory: one process owns
// the file.
//
// Its lock is held for the whole of a claim, reads included, and leases end
// under it after their transaction is on disk: so a claim never sees a record
// from before a settlement whose lease has ended already.
type leaseTable struct {
	mu   sync.Mutex
	seq  uint64
	byID map[uint64]*lease
	of   map[spool.Key][]*lease

	turns map[string]uint64 // how many claims each lane has made
}

// turn counts the claims of a lane, from 1. The lock is held.
func (t *leaseTable) turn(lane string) uint64 {
	t.turns[lane]++
	return t.turns[lane]
}

// lease is one delivery.
type lease struct {
	id    uint64
	key   spool.Key
	index []int
	whole bool // all recipients, whatever index says
	lane  string
	rows  []spool.CountsBy // what its recipients are counted under while it lasts

	// raw and rec are the record as it was leased, stored and decoded, to
	// spare the settlement the decoding while it is still the same; raw is
	// nil where nobody kept it. Nobody changes rec: deliveries share it.
	raw []byte
	rec *spool.Record

	operated bool   // an operator holds it: see Act
	today    string // the routing table when that one took it

	marked *relay.Signature // the one that is in its mark; nil for none
}

// start begins the numbering at a time, so that a number is not used again by
// the next process.
func (t *leaseTable) start(now time.Time) {
	t.seq = uint64(now.UnixNano())
	t.byID = make(map[uint64]*lease)
	t.of = make(map[spool.Key][]*lease)
	t.turns = make(map[string]uint64)
}

// take leases recipients of rec. The lock is held; id 0 takes the next number.
func (t *leaseTable) take(id uint64, k spool.Key, rec *spool.Record, index []int, lane string) *lease {
	if id == 0 {
		t.seq++
		id = t.seq
	}
	t.seq = max(t.seq, id) // the clock may have gone back since an earlier process
	l := &lease{id: id, key: k, index: index, lane: lane, rows: make([]spool.CountsBy, 0, len(index))}
	for _, i := range index {
		state, upstream := spool.CountKey(rec.Recipients[i])
		l.rows = append(l.rows, spool.CountsBy{State: state, Upstream: upstream})
	}
	t.add(l)
	return l
}

// takeWhole leases a message of which nothing is to be sent, so that nobody else
// changes it. The lock is held.
func (t *leaseTable) takeWhole(k spool.Key) *lease {
	t.seq++
	l := &lease{id: t.seq, key: k, whole: true}
	t.add(l)
	return l
}

func (t *leaseTable) add(l *lease) {
	t.byID[l.id] = l
	t.of[l.key] = append(t.of[l.key], l)
}

// covers reports whether a recipient is leased. The lock is held.
func (t *leaseTable) covers(k spool.Key, i int) bool {
	for _, l := range t.of[k] {
		if l.whole || slices.Contains(l.index, i) {
			return true
		}
	}
	return false
}

// join has a lease cover one more recipient of its message, so that no claim
// takes that before the transaction at hand is on disk. ok is false where
// another lease covers it that does not end with the batch.
func (t *leaseTable) join(id uint64, i int, ended []uint64) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byID[id]
	if l == nil {
		return false
	}
	for _, o := range t.of[l.key] {
		if o != l && slices.Contains(o.index, i) && !slices.Contains(ended, o.id) {
			return false
		}
	}
	if !slices.Contains(l.index, i) {
		l.index = append(slices.Clip(l.index), i)
	}
	return true
}

// any reports whether some recipient of a message is leased.
func (t *leaseTable) any(k spool.Key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.of[k]) > 0
}

// others reports whether a message is leased beside one lease and those that
// end with the batch.
func (t *leaseTable) others(k spool.Key, id uint64, ended []uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.of[k], func(l *lease) bool { return l.id != id && !slices.Contains(ended, l.id) })
}

// mark notes the signature that is in a mark.
func (t *leaseTable) mark(id uint64, made *relay.Signature) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.byID[id]; l != nil {
		l.marked = made
	}
}

// known gives the record of a message that a lease has decoded already, nil
// where none has or it was another one then. The lock is held.
func (t *leaseTable) known(k spool.Key, raw []byte) *spool.Record {
	for _, l := range t.of[k] {
		if l.is(raw) {
			return l.rec
		}
	}
	return nil
}

// is reports whether a stored record is the one that l knows.
func (l *lease) is(raw []byte) bool { return l.raw != nil && bytes.Equal(l.raw, raw) }

// get gives a lease as it is now; the zero one where it has ended.
func (t *leaseTable) get(id uint64) lease {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.byID[id]; l != nil {
		return *l
	}
	return lease{}
}

// end ends leases; those that are gone are passed over.
func (t *leaseTable) end(ids []uint64) {
	if len(ids) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(ids)
}

// drop is end for who holds the lock.
func (t *leaseTable) drop(ids []uint64) {
	for _, id := range ids {
		l := t.byID[id]
		if l == nil {
			continue
		}
		delete(t.byID, id)
		rest := slices.DeleteFunc(t.of[l.key], func(o *lease) bool { return o == l })
		if len(rest) == 0 {
			delete(t.of, l.key)
		} else {
			t.of[l.key] = rest
		}
	}
}

// overlay gives the recipients of an entry that are being sent that state.
func (t *leaseTable) overlay(k spool.Key, to []relay.Recipient) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.of[k] {
		for _, i := range l.index {
			if i < len(to) && to[i].State == relay.Queued {
				to[i].State = relay.Sending
			}
		}
	}
}

// sending moves what is being sent from queued to that state.
func (t *leaseTable) sending(c *spool.Counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	moved := spool.Counts{By: make(map[spool.CountsBy]int64)}
	for _, l := range t.byID {
		for _, row := range l.rows {
			if row.State != relay.Queued {
				continue
			}
			moved.By[row]--
			moved.By[spool.CountsBy{State: relay.Sending, Upstream: cmp.Or(l.lane, row.Upstream)}]++
		}
	}
	*c = c.Plus(&moved)
}
