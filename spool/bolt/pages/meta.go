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

	HasFreelist bool // the file holds a list of its free pages
}

// Length is how long the file must be, in bytes.
func (m Meta) Length() int64 { return int64(m.HighWater) * int64(m.PageSize) }

// ReadMeta gives the newest valid meta page of a file. The error says that
// there is none, or is that of the reader.
func ReadMeta(r io.ReaderAt) (newest Meta, err error) {
	found := false
	for _, at := range []int64{0, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16} {
		b := make([]byte, headerLen+metaLen)
		if _, err := r.ReadAt(b, at); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return Meta{}, err
		}
		if m, ok := parseMeta(b[headerLen:]); ok && (!found || m.Txid > newest.Txid) {
			newest, found = m, true
		}
	}
	if !found {
		return Meta{}, errors.New("it has no valid meta page")
	}
	if newest.PageSize < minPageSize || newest.PageSize > maxPageSize || newest.HighWater > math.MaxInt64/uint64(newest.PageSize) {
		return Meta{}, fmt.Errorf("its meta page makes no sense: %d pages of %d bytes", newest.HighWater, newest.PageSize)
	}
	return newest, nil
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

		HasFreelist: binary.LittleEndian.Uint64(b[metaFreelist:]) != noFreelist,
	}
	return m, sum.Sum64() == binary.LittleEndian.Uint64(b[metaChecksum:])
}
