package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sort"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/bolt/pages"
)

// orphans are the records and chunks on leaves that no tree reaches. There may
// be several of a key: pages that were given up keep old versions.
type orphans struct {
	pages   *pages.Survey
	records []ref // by id
	chunks  []ref // by id and number
}

// ref is where the value of a key lies. That of a record is filled up with
// zeroes.
type ref struct {
	key   [keyLen + 4]byte
	place pages.Place
}

// findOrphans looks for them where they may be: what a sound tree does not
// reach was given up.
func findOrphans(ctx context.Context, s *pages.Survey, unsure bool) (*orphans, error) {
	o := &orphans{pages: s}
	anywhere := unsure || s.FreeKnown || s.Damaged[""]
	records := anywhere || s.Damaged[bucketQueue] || s.Damaged[bucketHistory]
	if !records && !s.Damaged[bucketBodies] {
		return o, nil
	}
	for e := range s.Orphans() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := ref{place: e.Place}
		copy(r.key[:], e.Key)
		switch {
		case len(e.Value) == 0:
		case len(e.Key) == keyLen && records:
			o.records = append(o.records, r)
		case len(e.Key) == keyLen+4:
			o.chunks = append(o.chunks, r)
		}
	}
	byKey := func(a, b ref) int { return bytes.Compare(a.key[:], b.key[:]) }
	slices.SortStableFunc(o.records, byKey)
	slices.SortStableFunc(o.chunks, byKey)
	return o, nil
}

func (o *orphans) recordsOf(k spool.Key) []ref { return startingWith(o.records, k[:]) }
func (o *orphans) chunksOf(k spool.Key) []ref  { return startingWith(o.chunks, k[:]) }

// startingWith gives those of sorted refs whose key begins with prefix.
func startingWith(refs []ref, prefix []byte) []ref {
	refs = refs[sort.Search(len(refs), func(i int) bool { return bytes.Compare(refs[i].key[:], prefix) >= 0 }):]
	n := 0
	for n < len(refs) && bytes.HasPrefix(refs[n].key[:], prefix) {
		n++
	}
	return refs[:n]
}

// maxVersions bounds how often a body is put together.
const maxVersions = 16

// versions gives how often a body is worth being put together: as often as the
// chunk that was found most often was.
func versions(chunks []ref) int {
	most, run := 1, 0
	for i := range chunks {
		if run++; i > 0 && chunks[i].key != chunks[i-1].key {
			run = 1
		}
		most = max(most, run)
	}
	return min(most, maxVersions)
}

// reader gives the chunks of a body by number. Of those that were found several
// times it takes another one each turn.
func (o *orphans) reader(chunks []ref, turn int) func(n uint32) []byte {
	return func(n uint32) []byte {
		if len(chunks) == 0 {
			return nil
		}
		key := binary.BigEndian.AppendUint32(slices.Clone(chunks[0].key[:keyLen]), n)
		found := startingWith(chunks, key)
		if len(found) == 0 {
			return nil
		}
		e, ok := o.pages.At(found[turn%len(found)].place)
		if !ok || !bytes.Equal(e.Key, key) || len(e.Value) == 0 {
			return nil
		}
		return e.Value
	}
}

// orphanRecords saves the messages that no tree gave.
func (w *salvage) orphanRecords() error {
	bodies := pull(w.from.Bucket(bucketBodies, ignore))
	defer bodies.stop()
	events := pull(w.from.Bucket(bucketEvents, ignore))
	defer events.stop()
	for rest := w.orphans.records; len(rest) > 0; {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		k := spool.Key(rest[0].key[:keyLen])
		same := startingWith(rest, k[:])
		rest = rest[len(same):]
		if err := w.orphan(k, same, bodies, events); err != nil {
			return err
		}
	}
	return nil
}

// orphan saves the version of a message that got furthest, and holds what is
// unfinished of it: nobody knows whether it is the last one.
func (w *salvage) orphan(k spool.Key, versions []ref, bodies, events *stream) error {
	if saved, err := w.saved(k); saved || err != nil || w.told[k] {
		return err
	}
	var best *spool.Record
	for _, r := range versions {
		e, ok := w.orphans.pages.At(r.place)
		if !ok {
			continue
		}
		if rec, err := w.decode(k, e.Value); err == nil && (best == nil || further(&rec, best)) {
			best = &rec
		}
	}
	if best == nil {
		if w.missed[k] {
			w.lose(k, nil, "its record is damaged")
		}
		return nil // else it may be no record at all
	}
	held := holdUnfinished(best, relay.HoldSalvaged, time.Now())
	ok, err := w.save(k, best, held, bodies, events)
	if ok && err == nil {
		w.done.Orphaned++
	}
	return err
}

// further reports whether of two versions of a record a is the later one: by
// when something last happened, then by how many recipients are finished, then
// by the attempts.
func further(a, b *spool.Record) bool {
	lastA, finishedA, attemptsA := progress(a)
	lastB, finishedB, attemptsB := progress(b)
	return cmp.Or(lastA.Compare(lastB), cmp.Compare(finishedA, finishedB), cmp.Compare(attemptsA, attemptsB)) > 0
}

func progress(rec *spool.Record) (last time.Time, finished, attempts int) {
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		for _, at := range []time.Time{r.LastAt, r.FinishedAt} {
			if at.After(last) {
				last = at
			}
		}
		if attempts += r.Attempts; r.State.Finished() {
			finished++
		}
	}
	return last, finished, attempts
}
