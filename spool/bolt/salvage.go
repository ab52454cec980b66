package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/bolt/pages"
	"relaykeep/spool/durable"
)

// Lost is a message that could not be saved, with what is known of it.
type Lost struct {
	ID      relay.ID `json:"id"`
	From    string   `json:"from"`
	To      []string `json:"to"` // those that are unfinished; nil: not known
	Subject string   `json:"subject"`
	Why     string   `json:"why"`
}

// Salvaged says what was saved.
type Salvaged struct {
	Saved    spool.Report // of the new file
	Orphaned int64        // of those saved: came from pages that nothing pointed to any more
	Lost     int64        // messages that are known to be lost
	Problems spool.Report // of the damaged file: the damage that was met
}

// Salvage copies what can be read of a damaged spool, which is only read, into
// a new file: every message whose record and whose whole body can be read, what
// of its events can, marks, incidents, refresh tokens and dedupe keys. Indexes
// and counts are made anew. lost is called for each message that is lost; one
// whose very key is gone is in no list, which the problems hint at.
//
// Where a tree is damaged, the leaves that nothing points to any more are looked
// through for records and bodies. What is unfinished of a message that was found
// there is held: its record may be an old one. So is everything that is
// unfinished where one of the meta pages is damaged: the last commit may be
// missing. That takes some 40 bytes of memory for each record and each chunk
// (64 KB) of a body on such leaves.
//
// The new file is verified, and appears whole or not at all. A record has no
// checksum: flipped bits that leave it well-formed are not noticed.
func Salvage(ctx context.Context, from, to string, lost func(Lost)) (done Salvaged, err error) {
	f, err := lockForReading(from)
	if err != nil {
		return done, err
	}
	defer f.Close()
	source, meta, err := openDamaged(f)
	if err != nil {
		return done, fmt.Errorf("nothing of %s can be saved: %w", from, err)
	}
	target, err := durable.Create(to)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, target.Discard()) }()
	s, err := Open(Options{Path: target.Name(), KeepFailed: 1, scratch: true, empty: true})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w := &salvage{ctx: ctx, from: source, to: s, done: &done, lost: lost, told: make(map[spool.Key]bool), missed: make(map[spool.Key]bool), unsure: meta.Alone}
	if meta.Root == 0 {
		done.Problems.Complain("both meta pages are damaged: everything is taken from pages that nothing points to")
	} else if meta.Alone {
		done.Problems.Complain("a meta page is damaged: the last commit may be missing, so what is unfinished is held")
	}
	if w.orphans, err = findOrphans(ctx, source.Survey(), meta.Alone); err != nil {
		return done, err
	}
	if err := w.run(); err != nil {
		return done, err
	}
	if done.Saved, err = s.Check(ctx, nil); err == nil {
		err = done.Saved.Err()
	}
	if err != nil {
		return done, fmt.Errorf("what was saved is not sound: %w", err)
	}
	return done, target.Commit()
}

// openDamaged reads a file page by page, even where no meta page is left.
func openDamaged(f *os.File) (*pages.File, pages.Meta, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, pages.Meta{}, err
	}
	meta, err := pages.ReadMeta(f)
	if err != nil {
		guess, ok := pages.GuessMeta(f, info.Size())
		if !ok {
			return nil, meta, err
		}
		meta = guess
	}
	if meta.Alone { // the commit that is missing may have made the file longer
		meta.HighWater = max(meta.HighWater, uint64(info.Size())/uint64(meta.PageSize))
	}
	return pages.New(f, info.Size(), meta), meta, nil
}

// salvage is the course of one.
type salvage struct {
	ctx  context.Context
	from *pages.File
	to   *Store
	done *Salvaged
	lost func(Lost)
	told map[spool.Key]bool // of what is lost

	missed  map[spool.Key]bool // whose record in the tree is damaged, and may be an orphan
	orphans *orphans
	unsure  bool // the trees may be those of the commit before the last
}

func (w *salvage) run() error {
	for _, part := range []func() error{
		w.instance, w.raw,
		func() error { return w.messages(bucketQueue, w.problem) },
		func() error { return w.messages(bucketHistory, ignore) },
		w.marks, w.hold, w.orphanRecords, w.strayBodies,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return w.ctx.Err()
}

func (w *salvage) problem(p pages.Problem) { w.done.Problems.Complain("%v", p) }

// ignore is for what was told already.
func ignore(pages.Problem) {}

func (w *salvage) lose(k spool.Key, rec *spool.Record, format string, args ...any) {
	if w.told[k] {
		return
	}
	w.told[k] = true
	w.done.Lost++
	l := Lost{ID: k.ID(), Why: fmt.Sprintf(format, args...)}
	if rec != nil {
		l.From, l.Subject = rec.Message.From, rec.Message.Subject
		for i := range rec.Recipients {
			if r := &rec.Recipients[i]; !r.State.Finished() {
				l.To = append(l.To, r.Address)
			}
		}
	}
	w.lost(l)
}

// instance keeps that of the old file where it can be read.
func (w *salvage) instance() error {
	for k, v := range w.from.Bucket(bucketMeta, w.problem) {
		if string(k) == metaInstance && len(v) == 16 {
			return w.to.do(w.ctx, &op{run: func(b *batch) error { return b.tx.Bucket([]byte(bucketMeta)).Put(k, v) }})
		}
	}
	return nil
}

// raw copies what belongs to no message.
func (w *salvage) raw() error {
	for _, bucket := range []string{bucketTokens, bucketLanes} {
		err := w.each(bucket, func(b *batch, k, v []byte) error { return b.tx.Bucket([]byte(bucket)).Put(k, v) })
		if err != nil {
			return err
		}
	}
	if err := w.each(bucketDedupe, (*batch).salvageKey); err != nil {
		return err
	}
	return w.each(bucketIncidents, (*batch).salvageIncident)
}

// each puts what can be read of a bucket, some hundred entries at a time.
func (w *salvage) each(bucket string, put func(b *batch, k, v []byte) error) error {
	type entry struct{ k, v []byte }
	var some []entry
	flush := func() error {
		if len(some) == 0 {
			return nil
		}
		defer func() { some = nil }()
		return w.to.do(w.ctx, &op{run: func(b *batch) error {
			for _, e := range some {
				if err := put(b, e.k, e.v); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	for k, v := range w.from.Bucket(bucket, w.problem) {
		if some = append(some, entry{k, v}); len(some) == pruneBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (b *batch) salvageKey(k, v []byte) error {
	e, ok := readDedupe(v)
	if !ok || len(k) != 32 {
		return nil
	}
	if err := b.tx.Bucket([]byte(bucketDedupe)).Put(k, v); err != nil {
		return err
	}
	return b.tx.Bucket([]byte(bucketForget)).Put(forgetKey(e.until, k), nil)
}

func (b *batch) salvageIncident(k, v []byte) error {
	i, err := b.s.codec.DecodeIncident(v)
	if err != nil || len(k) != 8 || int64(binary.BigEndian.Uint64(k)) != i.Number || i.Number <= 0 || i.Cause == "" {
		return nil
	}
	incidents, causes := b.tx.Bucket([]byte(bucketIncidents)), b.tx.Bucket([]byte(bucketCauses))
	if causes.Get([]byte(i.Cause)) != nil {
		return nil
	}
	if err := incidents.SetSequence(max(incidents.Sequence(), uint64(i.Number))); err != nil {
		return err
	}
	if err := causes.Put([]byte(i.Cause), k); err != nil {
		return err
	}
	return incidents.Put(k, v)
}

// marks keeps those of messages that were saved: what was about to be sent must
// be known.
func (w *salvage) marks() error {
	return w.each(bucketMarks, func(b *batch, k, v []byte) error {
		if len(k) != keyLen+8 || b.queue.Get(k[:keyLen]) == nil {
			return nil
		}
		if _, err := b.s.codec.DecodeMark(v); err != nil {
			return nil
		}
		return b.marks.Put(k, v)
	})
}

// saved reports whether a message is in the new file.
func (w *salvage) saved(k spool.Key) (ok bool, err error) {
	err = w.to.view(func(tx *bbolt.Tx) error {
		ok = tx.Bucket([]byte(bucketQueue)).Get(k[:]) != nil || tx.Bucket([]byte(bucketHistory)).Get(k[:]) != nil
		return nil
	})
	return ok, err
}

// hold holds all that the trees gave where they may be old.
func (w *salvage) hold() error {
	if !w.unsure {
		return nil
	}
	_, err := w.to.holdAll(w.ctx, relay.HoldSalvaged, time.Now())
	return err
}

// strayBodies tells of bodies whose message cannot be found.
func (w *salvage) strayBodies() error {
	staged := make(map[spool.Key]bool)
	for k := range w.from.Bucket(bucketStaged, w.problem) {
		if len(k) == keyLen {
			staged[spool.Key(k)] = true
		}
	}
	var last spool.Key
	for k := range w.from.Bucket(bucketBodies, ignore) {
		if len(k) != keyLen+4 || spool.Key(k[:keyLen]) == last {
			continue
		}
		last = spool.Key(k[:keyLen])
		if staged[last] {
			continue // it was never accepted
		}
		ok, err := w.saved(last)
		if err != nil {
			return err
		}
		if !ok {
			w.lose(last, nil, "there is a body, but who it is from and for cannot be read")
		}
	}
	return nil
}
