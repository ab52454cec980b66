package bolt

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/spool"
)

// op is one change that waits for the committer.
type op struct {
	// run writes the change. It may run more than once, each time in another
	// transaction of which one at most is committed, so it must not change
	// anything but the batch. An error made by decline concerns this op only
	// and says that nothing was written.
	run   func(*batch) error
	bytes int  // roughly how much it writes
	grows bool // it brings mail in: refused first when the disk is full

	joined atomic.Bool // set by whoever is first: the committer, or the waiter that gives up
	done   chan error
}

// declined is the error of an op that wrote nothing.
type declined struct{ error }

func (d declined) Unwrap() error { return d.error }

func decline(err error) error { return declined{err} }

// committer runs every change of the store, one transaction at a time.
type committer struct {
	ops     chan *op
	stopped chan struct{} // closed when nothing is committed any more
	rhythm  rhythm        // of the loop alone
}

func (c *committer) start(s *Store) {
	c.ops = make(chan *op, maxBatchOps)
	c.stopped = make(chan struct{})
	s.running.Go(func() {
		defer close(c.stopped)
		s.commitLoop()
	})
}

// submit hands a change to the committer. The op is on its way when it
// returns; ctx bounds the wait for a place in the line.
func (s *Store) submit(ctx context.Context, o *op) error {
	o.done = make(chan error, 1)
	if s.opt.ReadOnly {
		return errors.New("the spool is open for reading only")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.failed:
		return s.failure
	case <-s.closing:
		return spool.ErrClosed
	default:
	}
	select {
	case s.committer.ops <- o:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.failed:
		return s.failure
	case <-s.closing:
		return spool.ErrClosed
	}
}

// wait blocks until an op is on disk. When ctx ends before the op has joined a
// transaction the op is withdrawn; once it has, the outcome is waited for.
func (s *Store) wait(ctx context.Context, o *op) error {
	var withdrawn error
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		withdrawn = ctx.Err()
	case <-s.committer.stopped:
		withdrawn = spool.ErrClosed
	}
	if o.joined.CompareAndSwap(false, true) {
		return withdrawn
	}
	return <-o.done
}

// do submits an op and waits for it.
func (s *Store) do(ctx context.Context, o *op) error {
	if err := s.submit(ctx, o); err != nil {
		return err
	}
	return s.wait(ctx, o)
}

// commitLoop takes all that waits into one transaction, and again. When the
// store closes it finishes what was submitted.
func (s *Store) commitLoop() {
	ops := make([]*op, 0, maxBatchOps)
	for {
		select {
		case o := <-s.committer.ops:
			ops = s.await(s.gather(append(ops[:0], o)))
		case <-s.closing:
			for len(s.committer.ops) > 0 {
				s.commit(s.gather(append(ops[:0], <-s.committer.ops)))
			}
			return
		}
		begin := time.Now()
		s.commit(ops)
		s.committer.rhythm.committed(ops, begin, time.Now())
		clear(ops)
	}
}

// gather takes what waits beside the first op, up to the bounds of a batch.
func (s *Store) gather(ops []*op) []*op {
	bytes := 0
	for _, o := range ops {
		bytes += o.bytes
	}
	for len(ops) < maxBatchOps && bytes < maxBatchBytes {
		select {
		case o := <-s.committer.ops:
			ops = append(ops, o)
			bytes += o.bytes
		default:
			return ops
		}
	}
	return ops
}

// await lets mail that is about to come join the ops that were gathered; see
// rhythm.
func (s *Store) await(ops []*op) []*op {
	wait := s.committer.rhythm.linger(ops, time.Now())
	if wait == 0 {
		return ops
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for len(ops) < maxBatchOps {
		select {
		case o := <-s.committer.ops:
			if ops = append(ops, o); o.grows {
				return s.gather(ops)
			}
		case <-timer.C:
			return ops
		case <-s.closing:
			return ops
		}
	}
	return ops
}

// commit brings the ops to disk and tells each its outcome.
func (s *Store) commit(ops []*op) {
	live := ops[:0]
	for _, o := range ops {
		if o.joined.CompareAndSwap(false, true) {
			live = append(live, o)
		}
	}
	if len(live) == 0 {
		return
	}
	if err := s.Err(); err != nil {
		answer(live, err)
		return
	}
	err := s.transact(live)
	switch {
	case err == nil:
	case errors.Is(err, errOp) && len(live) > 1:
		// One of them broke the transaction: each gets one of its own, so
		// that the others do not suffer.
		for i := range live {
			live[i].joined.Store(false)
			s.commit(live[i : i+1])
		}
	case errors.Is(err, errOp):
		answer(live, err)
	case isNoSpace(err):
		s.commitWithoutSpace(live)
	default:
		s.fail(fmt.Errorf("commit: %w", err))
		answer(live, s.failure)
	}
}

func answer(ops []*op, err error) {
	for _, o := range ops {
		o.done <- err
	}
}

// errOp wraps the error of an op that may have written a part of its change.
var errOp = errors.New("a change to the spool could not be made")

// transact runs the ops in one transaction. On nil it is on disk and each op
// was answered; on an error nothing was answered.
func (s *Store) transact(ops []*op) error {
	results := make([]error, len(ops))
	var b *batch
	begin := time.Now()
	err := guard(func() error {
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		defer rollback(tx)
		b = s.newBatch(tx)
		for i, o := range ops {
			err := o.run(b)
			if d := (declined{}); errors.As(err, &d) {
				results[i] = d.error
				continue
			}
			if err != nil {
				return fmt.Errorf("%w: %w", errOp, err)
			}
		}
		if err := b.writeCounts(); err != nil {
			return err
		}
		id := tx.ID()
		s.keepFreelist()
		if err := tx.Commit(); err != nil {
			return s.outcome(id, err)
		}
		s.freelist = !s.db.NoFreelistSync
		return nil
	})
	if err != nil {
		return err
	}
	if s.opt.Observe != nil {
		s.opt.Observe(len(ops), time.Since(begin))
	}
	s.applied(b)
	for i, o := range ops {
		o.done <- results[i]
	}
	return nil
}

// errVisible wraps the error of a commit that can be read all the same.
var errVisible = errors.New("it may be on disk")

// outcome marks the error of transaction id where its meta page was written
// and only the way to the disk failed: then it must not be run again.
func (s *Store) outcome(id int, err error) error {
	visible := true // unless it is found not to be
	_ = s.view(func(tx *bbolt.Tx) error {
		visible = tx.ID() >= id
		return nil
	})
	if visible {
		return fmt.Errorf("%w: %w", errVisible, err)
	}
	return err
}

// rollback ends a transaction that was not committed; after a commit it does
// nothing. It may panic in turn on a damaged file.
func rollback(tx *bbolt.Tx) {
	_ = guard(tx.Rollback)
}

// batch is one transaction of the committer and what is to be done in memory
// once it is on disk.
type batch struct {
	s  *Store
	tx *bbolt.Tx

	queue, history, bodies, staged, due, expiry, marks, events, kept *bbolt.Bucket

	delta     spool.Counts
	counts    spool.Counts    // with delta in it, once written
	touched   map[uint32]bool // chains that got entries
	newChains []*chain
	gone      []*chain // nothing waits in them any more
	ended     []uint64 // leases
}

func (s *Store) newBatch(tx *bbolt.Tx) *batch {
	bucket := func(name string) *bbolt.Bucket { return tx.Bucket([]byte(name)) }
	b := &batch{
		s: s, tx: tx,
		queue: bucket(bucketQueue), history: bucket(bucketHistory), bodies: bucket(bucketBodies),
		staged: bucket(bucketStaged), due: bucket(bucketDue), expiry: bucket(bucketExpiry),
		marks: bucket(bucketMarks), events: bucket(bucketEvents),
		kept:    bucket(bucketKept),
		touched: make(map[uint32]bool),
	}
	// Ids, and so the keys of these, only grow: full pages are right.
	for _, grown := range []*bbolt.Bucket{b.queue, b.history, b.bodies, b.expiry, b.events} {
		grown.FillPercent = 0.9
	}
	return b
}

func (b *batch) writeCounts() error {
	if b.delta.Empty() {
		return nil
	}
	b.counts = b.s.counts.plus(&b.delta)
	enc, err := b.s.codec.EncodeCounts(&b.counts)
	if err != nil {
		return err
	}
	return b.tx.Bucket([]byte(bucketMeta)).Put([]byte(metaCounts), enc)
}

// applied brings the memory up to date with a batch that is on disk. Leases
// end only here, so that no claim that still sees the old state can take the
// recipients again.
func (s *Store) applied(b *batch) {
	if !b.delta.Empty() {
		s.counts.set(b.counts)
	}
	s.space.committed(s.db)
	s.lanes.change(b.gone, b.newChains)
	s.leases.end(b.ended)
	s.lanes.notify(b.touched)
}
