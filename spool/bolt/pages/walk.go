package pages

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
)

// maxDepth bounds the height of a tree: with two entries a page, the fewest
// that bbolt leaves, that is more than there can be pages.
const maxDepth = 64

// File is a bbolt file that is read and not trusted. It may be read while the
// file is written to, as long as a transaction of bbolt keeps what is reached
// from its root. Its methods are safe for concurrent use.
type File struct {
	r    io.ReaderAt
	size int64
	meta Meta
}

// New reads the file r, which is size bytes long, from a meta page on.
func New(r io.ReaderAt, size int64, m Meta) *File { return &File{r: r, size: size, meta: m} }

// Problem is a damaged page, or an entry on it.
type Problem struct {
	Page   uint64
	Bucket string // "" for the tree of the buckets themselves
	Free   bool   // it is of the list of free pages, and Bucket is ""
	What   string // in words: "it is neither leaf nor branch"
}

// Error tells it in one line.
func (p Problem) Error() string {
	if p.Free {
		return fmt.Sprintf("page %d, of the list of free pages: %s", p.Page, p.What)
	}
	if p.Bucket == "" {
		return fmt.Sprintf("page %d, of the list of buckets: %s", p.Page, p.What)
	}
	return fmt.Sprintf("page %d, of the bucket %s: %s", p.Page, p.Bucket, p.What)
}

// Check visits every page that is in use, and tells what is wrong with it, and
// then with the list of free pages, where the file holds one.
// visited is called with the number of pages visited now and then, and at the
// end; where it returns false the rest is left out. A bucket within a bucket,
// which the spool has none of, is a problem.
func (f *File) Check(problem func(Problem), visited func(pages int64) bool) {
	w := f.walker("", problem)
	w.visited = visited
	w.check()
	if !w.ended {
		w.freelist()
		visited(w.pages)
	}
}

// check visits the pages of all trees.
func (w *walker) check() {
	if w.f.meta.Root == 0 {
		return
	}
	w.tree(w.f.meta.Root, bounds{}, 0, func(e element, at uint64) bool {
		inner := *w
		inner.bucket = string(e.key)
		inner.entries(e, at, func(_, _ []byte) bool { return true })
		w.pages, w.ended = inner.pages, inner.ended
		return !w.ended
	})
}

// Bucket gives the entries of a bucket that can be read, in the order of the
// keys, each key once. Keys and values are the receiver's. A bucket that cannot
// be found is a problem.
func (f *File) Bucket(name string, problem func(Problem)) iter.Seq2[[]byte, []byte] {
	return f.within(name, nil, problem)
}

// Prefix gives the entries of a bucket whose keys begin with prefix, as Bucket
// does, without a look at the other pages. Damage is passed over in silence.
func (f *File) Prefix(name string, prefix []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for k, v := range f.within(name, prefix, func(Problem) {}) {
			if bytes.HasPrefix(k, prefix) && !yield(k, v) {
				return
			}
		}
	}
}

// within is Bucket for the pages that may hold keys with a prefix.
func (f *File) within(name string, prefix []byte, problem func(Problem)) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		if f.meta.Root == 0 {
			return // see GuessMeta
		}
		found := false
		w := f.walker("", problem)
		w.tree(f.meta.Root, bounds{}, 0, func(e element, at uint64) bool {
			if string(e.key) != name {
				return true
			}
			found = true
			w.bucket, w.prefix = name, prefix
			w.entries(e, at, yield)
			return false
		})
		if !found {
			problem(Problem{Page: f.meta.Root, What: fmt.Sprintf("the bucket %s cannot be found", name)})
		}
	}
}

func (f *File) walker(bucket string, problem func(Problem)) *walker {
	return &walker{f: f, bucket: bucket, problem: problem, seen: make([]uint64, min(f.meta.HighWater, uint64(f.size)/uint64(f.meta.PageSize)+1)/64+1)}
}

// walker goes through one tree or, one after the other, several.
type walker struct {
	f       *File
	bucket  string
	problem func(Problem)
	prefix  []byte   // of the keys that are wanted
	seen    []uint64 // a bit for each page
	pages   int64
	visited func(int64) bool // nil: nobody counts
	ended   bool             // it has had enough
}

func (w *walker) complain(at uint64, format string, args ...any) {
	w.problem(Problem{Page: at, Bucket: w.bucket, What: fmt.Sprintf(format, args...)})
}

// entries gives what is in the bucket that an entry of the page at names.
func (w *walker) entries(e element, at uint64, yield func(k, v []byte) bool) {
	if !e.bucket || len(e.value) < bucketHeaderLen {
		w.complain(at, "it is no bucket")
		return
	}
	take := func(e element, at uint64) bool {
		if e.bucket {
			w.complain(at, "a bucket lies in it, %x", e.key)
			return true
		}
		return yield(e.key, e.value)
	}
	if root := binary.LittleEndian.Uint64(e.value); root != 0 {
		w.tree(root, bounds{}, 0, take)
		return
	}
	inline := e.value[bucketHeaderLen:]
	p, _, ok := parse(inline, 0)
	if !ok || !p.leaf {
		w.complain(at, "the small bucket on it cannot be read")
		return
	}
	w.page(p, at, bounds{}, 0, take)
}

// bounds are the keys that a page may hold: from low on, below high; nil is
// without bound.
type bounds struct{ low, high []byte }

func (b bounds) hold(key []byte) bool {
	return (b.low == nil || bytes.Compare(key, b.low) >= 0) && (b.high == nil || bytes.Compare(key, b.high) < 0)
}

// mayHold reports whether keys that begin with prefix can be within b.
func (b bounds) mayHold(prefix []byte) bool {
	return (b.high == nil || bytes.Compare(prefix, b.high) < 0) &&
		(b.low == nil || bytes.Compare(b.low, prefix) <= 0 || bytes.HasPrefix(b.low, prefix))
}

// tree gives the entries of the leaves from a page on, in order. It returns
// false once yield has.
func (w *walker) tree(id uint64, in bounds, depth int, yield func(element, uint64) bool) bool {
	if depth > maxDepth {
		w.complain(id, "the tree is too high")
		return true
	}
	b, why := w.f.load(id)
	if why != "" {
		w.complain(id, "%s", why)
		return true
	}
	if !w.claim(id, len(b)/w.f.meta.PageSize) {
		w.complain(id, "it is used twice")
		return true
	}
	if w.ended {
		return false
	}
	p, why, ok := parse(b, id)
	if why != "" {
		w.complain(id, "%s", why)
	}
	return !ok || w.page(p, id, in, depth, yield)
}

// claim notes that a page is in use, with those that follow it; false where one
// was before.
func (w *walker) claim(id uint64, n int) bool {
	free := true
	for i := id; i < id+uint64(n); i++ {
		bit := uint64(1) << (i % 64)
		free = free && w.seen[i/64]&bit == 0
		w.seen[i/64] |= bit
	}
	if w.pages += int64(n); w.visited != nil && w.pages%1024 < int64(n) {
		w.ended = !w.visited(w.pages)
	}
	return free
}

// page gives the entries of a page, or of what is below it, in order.
func (w *walker) page(p page, id uint64, in bounds, depth int, yield func(element, uint64) bool) bool {
	good := w.inOrder(p, id, in)
	for i, e := range good {
		if p.leaf {
			if !yield(e, id) {
				return false
			}
			continue
		}
		below := bounds{e.key, in.high}
		if i+1 < len(good) {
			below.high = good[i+1].key
		}
		if i == 0 && in.low == nil {
			below.low = nil
		}
		if !below.mayHold(w.prefix) {
			continue
		}
		if !w.tree(e.child, below, depth+1, yield) {
			return false
		}
	}
	return true
}

// inOrder gives the entries of a page that lie within it and within its
// bounds, in strict order. Of two in the wrong order the first is left out where
// the second fits to what comes before: so one damaged key costs one entry.
func (w *walker) inOrder(p page, id uint64, in bounds) []element {
	good := make([]element, 0, p.count)
	for i := range p.count {
		e, ok := p.at(i)
		switch {
		case !ok:
			w.complain(id, "entry %d reaches out of it", i)
			continue
		case !in.hold(e.key):
			w.complain(id, "entry %d, %x, does not belong there", i, short(e.key))
			continue
		}
		n := len(good)
		switch {
		case n == 0 || bytes.Compare(good[n-1].key, e.key) < 0:
			good = append(good, e)
		case n == 1 || bytes.Compare(good[n-2].key, e.key) < 0:
			w.complain(id, "entry %d, %x, is out of order", i-1, short(good[n-1].key))
			good[n-1] = e
		default:
			w.complain(id, "entry %d, %x, is out of order", i, short(e.key))
		}
	}
	return good
}

// short cuts a key for a message.
func short(key []byte) []byte { return key[:min(len(key), 32)] }
