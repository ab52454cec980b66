package bolt

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/bbolt"

	"relaykeep/spool"
)

// chain is one line of the due index: the recipients that may still be sent by
// the same upstreams, in the same order, by the same routing table.
type chain struct {
	id    uint32
	table string
	name  string   // spool.Chain
	lanes []string // in order
	owner *lane    // the first that is open; nil while none is, or the table is not today's
}

// lane is an upstream as the store knows it.
type lane struct {
	open   bool
	ready  chan struct{}
	chains []*chain // those that it owns, by id
}

// laneTable knows which lane takes from which chains. Both are few: they grow
// with the configuration, not with the queue.
type laneTable struct {
	mu     sync.Mutex
	table  string // today's
	lanes  map[string]*lane
	byID   map[uint32]*chain
	byName map[chainName]*chain
	lastID uint32
	late   chan struct{} // gets a token when something waits under another table
}

type chainName struct{ table, name string }

// load reads the chains of a file.
func (t *laneTable) load(bucket *bbolt.Bucket) error {
	t.lanes = make(map[string]*lane)
	t.byID = make(map[uint32]*chain)
	t.byName = make(map[chainName]*chain)
	t.late = make(chan struct{}, 1)
	return bucket.ForEach(func(k, v []byte) error {
		table, name, ok := strings.Cut(string(v), "\x01")
		if len(k) != 4 || !ok {
			return fmt.Errorf("chain %x cannot be read", k)
		}
		c := &chain{id: binary.BigEndian.Uint32(k), table: table, name: name, lanes: spool.ChainLanes(name)}
		t.keep(c)
		return nil
	})
}

func (t *laneTable) keep(c *chain) {
	t.byID[c.id] = c
	t.byName[chainName{c.table, c.name}] = c
	t.lastID = max(t.lastID, c.id)
}

// find gives the id of a chain that is known.
func (t *laneTable) find(table, name string) (uint32, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.byName[chainName{table, name}]; c != nil {
		return c.id, true
	}
	return 0, false
}

// chainID gives the number of a chain, and writes a new one down.
func (b *batch) chainID(table, name string) (uint32, error) {
	isGone := func(id uint32) bool {
		return slices.ContainsFunc(b.gone, func(c *chain) bool { return c.id == id })
	}
	if id, ok := b.s.lanes.find(table, name); ok && !isGone(id) {
		return id, nil
	}
	for _, c := range b.newChains {
		if c.table == table && c.name == name {
			return c.id, nil
		}
	}
	c := &chain{table: table, name: name, lanes: spool.ChainLanes(name)}
	c.id = b.s.lanes.nextID() + uint32(len(b.newChains))
	key := binary.BigEndian.AppendUint32(nil, c.id)
	if err := b.tx.Bucket([]byte(bucketChains)).Put(key, []byte(table+"\x01"+name)); err != nil {
		return 0, err
	}
	b.newChains = append(b.newChains, c)
	return c.id, nil
}

func (t *laneTable) nextID() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lastID + 1
}

// change forgets chains and makes new ones known, once that is on disk.
func (t *laneTable) change(gone, fresh []*chain) {
	if len(gone)+len(fresh) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range gone {
		delete(t.byID, c.id)
		delete(t.byName, chainName{c.table, c.name})
	}
	for _, c := range fresh {
		t.keep(c)
	}
	t.assign()
}

// get gives the lane of a name, made on first sight.
func (t *laneTable) get(name string) *lane {
	l := t.lanes[name]
	if l == nil {
		l = &lane{ready: make(chan struct{}, 1)}
		t.lanes[name] = l
	}
	return l
}

// assign gives each chain of today's table to its first open lane.
func (t *laneTable) assign() {
	for _, l := range t.lanes {
		l.chains = nil
	}
	for _, id := range slices.Sorted(maps.Keys(t.byID)) {
		c := t.byID[id]
		c.owner = nil
		if c.table != t.table {
			continue
		}
		for _, name := range c.lanes {
			if l := t.lanes[name]; l != nil && l.open {
				c.owner = l
				l.chains = append(l.chains, c)
				break
			}
		}
	}
}

// wakeAll gives every lane a token.
func (t *laneTable) wakeAll() {
	for _, l := range t.lanes {
		l.wake()
	}
}

func (l *lane) wake() {
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// notify wakes the lanes that take from these chains, and who reroutes where one
// is of another table.
func (t *laneTable) notify(chains map[uint32]bool) {
	if len(chains) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range chains {
		switch c := t.byID[id]; {
		case c == nil:
		case c.table != t.table:
			t.tellLate()
		case c.owner != nil:
			c.owner.wake()
		}
	}
}

func (t *laneTable) tellLate() {
	select {
	case t.late <- struct{}{}:
	default:
	}
}

// ownedBy gives the chains that a lane takes from now.
func (t *laneTable) ownedBy(name string) []*chain {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.lanes[name]; l != nil {
		return l.chains
	}
	return nil
}

// stale gives the chains of other tables than today's.
func (t *laneTable) stale() []*chain {
	t.mu.Lock()
	defer t.mu.Unlock()
	var old []*chain
	for _, id := range slices.Sorted(maps.Keys(t.byID)) {
		if c := t.byID[id]; c.table != t.table {
			old = append(old, c)
		}
	}
	return old
}

func (t *laneTable) today() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.table
}

// Open says whether a lane takes mail now; see spool.Store.
func (s *Store) Open(name string, open bool) {
	t := &s.lanes
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.get(name)
	if l.open == open {
		return
	}
	l.open = open
	t.assign()
	t.wakeAll()
}

// Ready returns the channel that wakes a lane; see spool.Store.
func (s *Store) Ready(name string) <-chan struct{} {
	t := &s.lanes
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.get(name).ready
}

// UseTable names the routing table of today; see spool.Store.
func (s *Store) UseTable(fingerprint string) {
	t := &s.lanes
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == fingerprint {
		return
	}
	t.table = fingerprint
	t.assign()
	t.wakeAll()
	t.tellLate()
}

// Stale returns the channel that tells of work for Reroute; see spool.Store.
func (s *Store) Stale() <-chan struct{} { return s.lanes.late }
