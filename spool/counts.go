package spool

import (
	"cmp"
	"slices"

	"relaykeep/relay"
)

// Counts are the sums that Stats gives, kept by a store in the transactions
// that change them. The zero value is an empty store's.
type Counts struct {
	Messages  int64              `cbor:"1,keyasint,omitempty"`
	History   int64              `cbor:"2,keyasint,omitempty"`
	BodyBytes int64              `cbor:"3,keyasint,omitempty"`
	By        map[CountsBy]int64 `cbor:"-"`
	Rows      []CountsRow        `cbor:"4,keyasint,omitempty"` // By, as it is stored
}

// CountsBy is what recipients are counted by.
type CountsBy struct {
	State    relay.State
	Upstream string
}

// CountsRow is one number of Counts.By.
type CountsRow struct {
	State    uint8  `cbor:"1,keyasint,omitempty"`
	Upstream string `cbor:"2,keyasint,omitempty"`
	N        int64  `cbor:"3,keyasint,omitempty"`
}

// Add counts a record by sign: 1 for one that comes, -1 for one that goes.
func (c *Counts) Add(r *Record, sign int64) {
	if r.Finished() {
		c.History += sign
	} else {
		c.Messages += sign
		c.BodyBytes += sign * r.Message.Size
	}
	if c.By == nil {
		c.By = make(map[CountsBy]int64)
	}
	for i := range r.Recipients {
		state, upstream := CountKey(r.Recipients[i])
		k := CountsBy{state, upstream}
		if c.By[k] += sign; c.By[k] == 0 {
			delete(c.By, k)
		}
	}
}

// Table gives the numbers as rows, ordered by state and upstream.
func (c *Counts) Table() []Count {
	rows := make([]Count, 0, len(c.By))
	for k, n := range c.By {
		rows = append(rows, Count{State: k.State, Upstream: k.Upstream, N: n})
	}
	slices.SortFunc(rows, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Upstream, b.Upstream))
	})
	return rows
}

// Empty reports whether nothing is counted.
func (c *Counts) Empty() bool {
	return c.Messages == 0 && c.History == 0 && c.BodyBytes == 0 && len(c.By) == 0
}

// Plus gives the sum of both.
func (c *Counts) Plus(d *Counts) Counts {
	sum := Counts{
		Messages:  c.Messages + d.Messages,
		History:   c.History + d.History,
		BodyBytes: c.BodyBytes + d.BodyBytes,
		By:        make(map[CountsBy]int64, len(c.By)+len(d.By)),
	}
	for _, by := range []map[CountsBy]int64{c.By, d.By} {
		for k, n := range by {
			if sum.By[k] += n; sum.By[k] == 0 {
				delete(sum.By, k)
			}
		}
	}
	return sum
}
