package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
)

// A meta page: a page header, then these offsets.
const (
	metaMagic     = 0
	metaPageSize  = 8
	metaRoot      = 16
	metaFreelist  = 32
	metaHighWater = 40
	metaTxid      = 48
	metaChecksum  = 56
	metaLen       = 64

	magicNumber = 0xED0CDAED
	noFreelist  = math.MaxUint64
)

// Bounds of the page size of a file.
const (
	minPageSize = 1 << 10
	maxPageSize = 1 << 16
)

// Meta says where a file has its data.
type Meta struct {
	PageSize  int
	Root      uint64 // the page of the tree of buckets
	HighWater uint64 // the first page that was never used
	Txid      uint64

	HasFreelist bool   // the file holds a list of its free pages
	Freelist    uint64 // the page where that begins

	// Alone says that the other meta page is damaged: this one may be that of
	// the commit before the last.
	Alone bool
}

// Length is how long the file must be, in bytes.
func (m Meta) Length() int64 { return int64(m.HighWater) * int64(m.PageSize) }

// ReadMeta gives the newest valid meta page of a file. The error says that
// there is none, or is that of the reader.
//
// The two lie at the beginning and one page behind it. Nowhere else is one
// looked for, for the rest of a file holds what strangers have sent, which may
// look like one. The second is the first that is found where its own page size
// says that it lies: whatever else is taken for it lies behind it.
func ReadMeta(r io.ReaderAt) (newest Meta, err error) {
	first, found, err := metaAt(r, 0)
	if err != nil {
		return Meta{}, err
	}
	if found && !first.sensible() {
		return Meta{}, fmt.Errorf("its meta page makes no sense: %d pages of %d bytes", first.HighWater, first.PageSize)
	}
	for size := minPageSize; size <= maxPageSize; size *= 2 {
		if found && size != first.PageSize {
			continue
		}
		switch second, ok, err := metaAt(r, int64(size)); {
		case err != nil:
			return Meta{}, err
		case !ok || second.PageSize != size || !second.sensible():
		case !found:
			second.Alone = true
			return second, nil
		case second.Txid > first.Txid:
			return second, nil
		default:
			return first, nil
		}
	}
	if !found {
		return Meta{}, ErrNoMeta
	}
	first.Alone = true
	return first, nil
}

// ErrNoMeta says that both meta pages of a file are damaged, or that it is no
// file of bbolt.
var ErrNoMeta = errors.New("it has no valid meta page")

// guessPages bounds how many pages GuessMeta looks at for each size.
const guessPages = 1 << 16

// GuessMeta makes up for meta pages that are gone: the size of the pages is that
// at which most call themselves by the number of their place. There is no root,
// so the trees are empty, and everything is found by Survey.Orphans. ok is false
// where no page is recognised.
func GuessMeta(r io.ReaderAt, size int64) (m Meta, ok bool) {
	most := 0
	for length := int64(minPageSize); length <= maxPageSize; length *= 2 {
		n, b := 0, make([]byte, headerLen)
		for id := int64(2); id < min(size/length, guessPages); id++ {
			if _, err := r.ReadAt(b, id*length); err == nil && binary.LittleEndian.Uint64(b) == uint64(id) && knownFlags(b) {
				n++
			}
		}
		if n > most {
			most, m = n, Meta{PageSize: int(length), HighWater: uint64(size / length), Alone: true}
		}
	}
	return m, most > 0
}

func knownFlags(header []byte) bool {
	switch binary.LittleEndian.Uint16(header[8:]) {
	case flagBranch, flagLeaf, flagFreelist:
		return true
	}
	return false
}

// metaAt reads the meta page at an offset; ok is false where there is none.
func metaAt(r io.ReaderAt, at int64) (m Meta, ok bool, err error) {
	b := make([]byte, headerLen+metaLen)
	if _, err := r.ReadAt(b, at); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return m, false, err
	}
	m, ok = parseMeta(b[headerLen:])
	return m, ok, nil
}

// sensible reports whether a file can be as m says.
func (m Meta) sensible() bool {
	return m.PageSize >= minPageSize && m.PageSize <= maxPageSize && m.HighWater <= math.MaxInt64/uint64(m.PageSize)
}

func parseMeta(b []byte) (m Meta, ok bool) {
	if binary.LittleEndian.Uint32(b[metaMagic:]) != magicNumber {
		return m, false
	}
	sum := fnv.New64a()
	sum.Write(b[:metaChecksum])
	m = Meta{
		PageSize:  int(binary.LittleEndian.Uint32(b[metaPageSize:])),
		Root:      binary.LittleEndian.Uint64(b[metaRoot:]),
		HighWater: binary.LittleEndian.Uint64(b[metaHighWater:]),
		Txid:      binary.LittleEndian.Uint64(b[metaTxid:]),
	}
	if at := binary.LittleEndian.Uint64(b[metaFreelist:]); at != noFreelist {
		m.HasFreelist, m.Freelist = true, at
	}
	return m, sum.Sum64() == binary.LittleEndian.Uint64(b[metaChecksum:])
}
