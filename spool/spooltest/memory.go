package spooltest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Memory is a spool.Store that forgets everything when it goes. It does by
// plain loops over all messages what a real store does by indexes, which makes
// it the other opinion in the conformance suite.
type Memory struct {
	mu       sync.Mutex
	messages map[relay.ID]*entry
	table    string
	open     map[string]bool
	ready    map[string]chan struct{}
	leases   map[uint64]*spool.Delivery
	marks    map[uint64]spool.Delivery // left by a "process" before: see Crash
	seq      uint64
	keys     map[[32]byte]remembered
	failed   chan struct{}
	late     chan struct{} // see Stale
	closed   bool

	incidents []relay.Incident // by number, from 1
	states    map[string][]byte
	turns     map[string]int
}

type entry struct {
	rec    spool.Record
	body   []byte
	events []relay.Event
	marks  map[uint64]mark // by lease
}

// mark says that some recipients are about to be sent to.
type mark struct {
	index []int
	made  *relay.Signature
}

var _ spool.Store = (*Memory)(nil)

// starveTurns is how often a claim begins with the lowest priority.
const starveTurns = 8

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{
		messages: make(map[relay.ID]*entry),
		open:     make(map[string]bool),
		ready:    make(map[string]chan struct{}),
		leases:   make(map[uint64]*spool.Delivery),
		keys:     make(map[[32]byte]remembered),
		failed:   make(chan struct{}),
		late:     make(chan struct{}, 1),
		states:   make(map[string][]byte),
		turns:    make(map[string]int),
	}
}

// Crash does what the end of a process and a new start would: leases are
// forgotten, marks stay and become doubts, all lanes are closed.
func (s *Memory) Crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = make(map[uint64]spool.Delivery)
	for _, e := range s.messages {
		for id, m := range e.marks {
			d := s.delivery(e, s.leases[id].Lane, m.index)
			d.Lease, d.MarkedAt = id, time.Now()
			if m.made != nil {
				d.Signatures = spool.WithSignature(d.Signatures, *m.made)
			}
			s.marks[id] = d
		}
	}
	clear(s.leases)
	clear(s.open)
	for id, d := range s.marks {
		s.leases[id] = &d
	}
}

// Open says whether a lane takes mail now; see spool.Store.
func (s *Memory) Open(lane string, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channel(lane)
	if s.open[lane] != open {
		s.open[lane] = open
		s.wakeAll()
	}
}

// Ready returns the channel that wakes a lane; see spool.Store.
func (s *Memory) Ready(lane string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channel(lane)
}

func (s *Memory) channel(lane string) chan struct{} {
	if s.ready[lane] == nil {
		s.ready[lane] = make(chan struct{}, 1)
	}
	return s.ready[lane]
}

func (s *Memory) wakeAll() {
	for _, c := range s.ready {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// owner is the lane that a recipient is offered to.
func (s *Memory) owner(r *relay.Recipient) string {
	for _, lane := range r.Eligible {
		if s.open[lane] {
			return lane
		}
	}
	return ""
}

// Claim leases what is due for a lane; see spool.Store.
func (s *Memory) Claim(ctx context.Context, lane string, limit spool.Limit) (due []spool.Delivery, next time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return nil, next, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, next, spool.ErrClosed
	}
	now := time.Now()
	s.turns[lane]++
	for _, l := range s.lines(lane, s.turns[lane]%starveTurns == 0) {
		if l.at.After(now) {
			if next.IsZero() || l.at.Before(next) {
				next = l.at
			}
			continue
		}
		for len(l.index) > 0 && len(due) < limit.Messages {
			var first []int
			first, l.index = limit.Cut(l.e.rec.Recipients, l.index)
			due = append(due, s.lease(l.e, lane, first))
		}
	}
	if len(due) == limit.Messages {
		next = time.Time{}
	}
	return due, next, nil
}

// line is the recipients of a message that become due together.
type line struct {
	e        *entry
	chain    string
	priority relay.Priority
	at       time.Time
	index    []int
}

// lines gives what is queued for a lane in the order in which it is served.
func (s *Memory) lines(lane string, lowFirst bool) []line {
	var all []line
	for _, e := range s.messages {
		if e.rec.Table != s.table {
			continue
		}
		for i := range e.rec.Recipients {
			r := &e.rec.Recipients[i]
			if r.State != relay.Queued || s.owner(r) != lane || s.leased(e, i) {
				continue
			}
			n := slices.IndexFunc(all, func(l line) bool {
				return l.e == e && l.chain == spool.Chain(r) && l.priority == r.Priority && l.at.Equal(r.NextAttempt)
			})
			if n < 0 {
				n = len(all)
				all = append(all, line{e: e, chain: spool.Chain(r), priority: r.Priority, at: r.NextAttempt})
			}
			all[n].index = append(all[n].index, i)
		}
	}
	slices.SortFunc(all, func(a, b line) int {
		if lowFirst && a.priority != b.priority {
			return cmp.Compare(b.priority, a.priority)
		}
		return cmp.Or(cmp.Compare(a.priority, b.priority), a.at.Compare(b.at), cmp.Compare(a.e.rec.Message.ID, b.e.rec.Message.ID))
	})
	return all
}

func (s *Memory) leased(e *entry, i int) bool {
	for _, d := range s.leases {
		if d.Message.ID == e.rec.Message.ID && slices.Contains(d.Index, i) {
			return true
		}
	}
	return false
}

func (s *Memory) lease(e *entry, lane string, index []int) spool.Delivery {
	s.seq++
	d := s.delivery(e, lane, index)
	d.Lease = s.seq
	s.leases[d.Lease] = &d
	return d
}

func (s *Memory) delivery(e *entry, lane string, index []int) spool.Delivery {
	d := spool.Delivery{Message: e.rec.Message, Lane: lane, Index: index, Signatures: e.rec.Signatures, Others: len(index) < len(e.rec.Recipients), Intents: e.rec.IntentsOf(index)}
	for _, i := range index {
		d.Recipients = append(d.Recipients, e.rec.Recipients[i])
		d.Attempt = max(d.Attempt, e.rec.Recipients[i].Attempts+1)
	}
	return d
}

// Release gives a lease back; see spool.Store.
func (s *Memory) Release(d *spool.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, d.Lease)
	s.wakeAll()
}

// Doubts hands out what a crash left; see spool.Store.
func (s *Memory) Doubts(context.Context) ([]spool.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []spool.Delivery
	for _, id := range slices.Sorted(maps.Keys(s.marks)) {
		all = append(all, s.marks[id])
	}
	s.marks = nil
	return all, nil
}

// UseTable names the routing table of today; see spool.Store.
func (s *Memory) UseTable(fingerprint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table = fingerprint
	s.wakeAll()
	s.tellLate()
}

// Stale returns the channel that tells of work for Reroute; see spool.Store.
func (s *Memory) Stale() <-chan struct{} { return s.late }

func (s *Memory) tellLate() {
	select {
	case s.late <- struct{}{}:
	default:
	}
}

// Reroute assigns anew what was queued under another table; see spool.Store.
func (s *Memory) Reroute(_ context.Context, assign func(relay.Message, []relay.Recipient) ([]relay.Recipient, []relay.Event), stored func([]relay.Event)) (int, error) {
	s.mu.Lock()
	n := 0
	var told []relay.Event
	for _, e := range s.messages {
		queued := slices.ContainsFunc(e.rec.Recipients, func(r relay.Recipient) bool { return r.State == relay.Queued })
		if e.rec.Table == s.table || !queued {
			continue
		}
		var events []relay.Event
		e.rec.Recipients, events = assign(e.rec.Message, slices.Clone(e.rec.Recipients))
		e.events = append(e.events, events...)
		told = append(told, events...)
		e.rec.Table = s.table
		n++
	}
	s.wakeAll()
	s.mu.Unlock()
	if stored != nil && len(told) > 0 {
		stored(told)
	}
	return n, nil
}

// Body gives access to the body of a message; see spool.Store.
func (s *Memory) Body(m relay.Message) relay.Body { return memoryBody{s, m} }

type memoryBody struct {
	s *Memory
	m relay.Message
}

func (b memoryBody) Size() int64 { return b.m.Size }

func (b memoryBody) Open() (io.ReadCloser, error) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	e := b.s.messages[b.m.ID]
	if e == nil || e.body == nil {
		return nil, spool.ErrNotFound
	}
	if sha256.Sum256(e.body) != b.m.SHA256 {
		return nil, relay.ErrBodyDamaged
	}
	return io.NopCloser(bytes.NewReader(e.body)), nil
}

// Damage changes a byte of a stored body.
func (s *Memory) Damage(id relay.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.messages[id]; e != nil && len(e.body) > 0 {
		e.body[len(e.body)-1] ^= 1
	}
}

// Get reads one message; see spool.Store.
func (s *Memory) Get(_ context.Context, id relay.ID) (spool.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.messages[id]
	if e == nil {
		return spool.Entry{}, spool.ErrNotFound
	}
	out := s.entry(e)
	out.Events, out.HasBody = slices.Clone(e.events), e.body != nil
	return out, nil
}

func (s *Memory) entry(e *entry) spool.Entry {
	out := spool.Entry{Message: e.rec.Message, Recipients: slices.Clone(e.rec.Recipients)}
	for i := range out.Recipients {
		if out.Recipients[i].State == relay.Queued && s.leased(e, i) {
			out.Recipients[i].State = relay.Sending
		}
	}
	return out
}

// List calls fn for the messages that f selects; see spool.Store.
func (s *Memory) List(_ context.Context, f spool.Filter, fn func(spool.Entry) error) error {
	s.mu.Lock()
	var all []spool.Entry
	for _, id := range slices.Sorted(maps.Keys(s.messages)) {
		e := s.entry(s.messages[id])
		if f.Match(e) && (f.History() || !e.Finished()) {
			all = append(all, e)
		}
	}
	s.mu.Unlock()
	for i, e := range all {
		if f.Limit > 0 && i >= f.Limit {
			break
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// Stats counts what is in the store; see spool.Store.
func (s *Memory) Stats(context.Context) (spool.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var counts spool.Counts
	var st spool.Stats
	for _, e := range s.messages {
		rec := e.rec
		counts.Add(&rec, 1)
		if !rec.Finished() && (st.Oldest.IsZero() || rec.Message.ReceivedAt.Before(st.Oldest)) {
			st.Oldest = rec.Message.ReceivedAt
		}
		for i := range rec.Recipients {
			state, upstream := spool.CountKey(rec.Recipients[i])
			if state == relay.Queued && s.leased(e, i) {
				counts.By[spool.CountsBy{State: state, Upstream: upstream}]--
				counts.By[spool.CountsBy{State: relay.Sending, Upstream: s.laneOf(e, i)}]++
			}
		}
	}
	maps.DeleteFunc(counts.By, func(_ spool.CountsBy, n int64) bool { return n == 0 })
	st.Messages, st.History, st.BodyBytes, st.Recipients = counts.Messages, counts.History, counts.BodyBytes, counts.Table()
	return st, nil
}

func (s *Memory) laneOf(e *entry, i int) string {
	for _, d := range s.leases {
		if d.Message.ID == e.rec.Message.ID && slices.Contains(d.Index, i) {
			return d.Lane
		}
	}
	return ""
}

// Failed is never closed: memory does not fail.
func (s *Memory) Failed() <-chan struct{} { return s.failed }

// Err is always nil.
func (s *Memory) Err() error { return nil }

// Close ends the store.
func (s *Memory) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
