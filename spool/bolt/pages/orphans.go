package pages

import (
	"encoding/binary"
	"iter"
)

// maxOrphan bounds what is read of one leaf that no tree reaches, in bytes: its
// length is believed less than that of others.
const maxOrphan = 16 << 20

// Survey knows which pages of a file the trees reach. It is not safe for
// concurrent use.
type Survey struct {
	// Damaged are the buckets that were met with damage, "" for the tree of
	// the buckets themselves: pages below it are not reached.
	Damaged map[string]bool

	// FreeKnown says that the list of the free pages was read: what no tree
	// reaches and is not free is current. Else it may be an old version that
	// was given up.
	FreeKnown bool

	f      *File
	end    uint64   // the first page that there is not
	known  []uint64 // a bit for each page that is reached, or free
	last   page     // the leaf that was read last
	lastID uint64
}

// Survey visits every page that the trees reach. It keeps a bit
// for each page.
func (f *File) Survey() *Survey {
	s := &Survey{f: f, Damaged: make(map[string]bool), end: min(f.meta.HighWater, uint64(f.size)/uint64(f.meta.PageSize))}
	freeDamaged := false
	w := f.walker("", func(p Problem) {
		if freeDamaged = freeDamaged || p.Free; !p.Free {
			s.Damaged[p.Bucket] = true
		}
	})
	w.check()
	s.known = w.seen
	if f.meta.Alone || !f.meta.HasFreelist {
		return s // what was free before the last commit may be what it wrote
	}
	if w.freelist(); freeDamaged {
		return s
	}
	free, why := f.freePages(f.meta.Freelist)
	if why != "" {
		return s
	}
	s.FreeKnown = true
	for _, id := range free {
		if id < s.end {
			s.known[id/64] |= 1 << (id % 64)
		}
	}
	return s
}

// Place is where an entry lies.
type Place struct {
	Page  uint64
	Index uint16
	Inner uint16 // in a small bucket that the entry Index holds: the index there, plus 1
}

// Entry is one key with its value, which are the receiver's.
type Entry struct {
	Place
	Key, Value []byte
}

// Orphans gives the entries of all leaves that no tree reaches and that are not
// known to be free, in the order of the pages. A page is taken for a leaf where
// it says so, calls itself by the number of its place, and can hold as many
// entries as it says; those that reach out of it are left out. Nothing else
// about them is known: they may be old, and of any bucket.
func (s *Survey) Orphans() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for id := uint64(2); id < s.end; id++ {
			if s.isKnown(id) {
				continue
			}
			p, ok := s.leaf(id)
			for i := 0; ok && i < p.count; i++ {
				if !s.entry(p, Place{Page: id, Index: uint16(i)}, yield) {
					return
				}
			}
		}
	}
}

// entry gives an entry, or those of the small bucket in it.
func (s *Survey) entry(p page, at Place, yield func(Entry) bool) bool {
	e, ok := p.at(int(at.Index))
	if !ok {
		return true
	}
	if !e.bucket {
		return yield(Entry{at, e.key, e.value})
	}
	inner, ok := small(e)
	for i := 0; ok && i < inner.count; i++ {
		at.Inner = uint16(i + 1)
		if e, ok := inner.at(i); ok && !e.bucket && !yield(Entry{at, e.key, e.value}) {
			return false
		}
	}
	return true
}

// small gives the page of a bucket that lies within its entry.
func small(e element) (p page, ok bool) {
	if len(e.value) < bucketHeaderLen || binary.LittleEndian.Uint64(e.value) != 0 {
		return p, false
	}
	p, _, ok = parse(e.value[bucketHeaderLen:], 0)
	return p, ok && p.leaf
}

// At reads an entry that Orphans gave again.
func (s *Survey) At(place Place) (e Entry, ok bool) {
	p, ok := s.leaf(place.Page)
	if !ok || int(place.Index) >= p.count {
		return e, false
	}
	found := false
	s.entry(p, place, func(got Entry) bool {
		if got.Inner == place.Inner {
			e, found = got, true
		}
		return !found
	})
	return e, found
}

func (s *Survey) isKnown(id uint64) bool { return s.known[id/64]&(1<<(id%64)) != 0 }

// leaf reads a page that no tree reaches, up to the first that one does, or
// that is free: from there on it was written over.
func (s *Survey) leaf(id uint64) (page, bool) {
	if id == s.lastID {
		return s.last, true
	}
	size := uint64(s.f.meta.PageSize)
	header := make([]byte, headerLen)
	if s.f.read(header, int64(id*size)) != "" || binary.LittleEndian.Uint16(header[8:]) != flagLeaf || binary.LittleEndian.Uint64(header) != id {
		return page{}, false
	}
	n, most := uint64(1), min(1+uint64(binary.LittleEndian.Uint32(header[12:])), maxOrphan/size, s.end-id)
	for n < most && !s.isKnown(id+n) {
		n++
	}
	b := make([]byte, n*size)
	if s.f.read(b, int64(id*size)) != "" {
		return page{}, false
	}
	p, _, ok := parse(b, id)
	if ok {
		s.last, s.lastID = p, id
	}
	return p, ok
}
