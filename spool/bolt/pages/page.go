package pages

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	headerLen  = 16 // id 8, flags 2, count 2, overflow 4
	elementLen = 16 // of a leaf: flags, pos, key size, value size; of a branch: pos, key size, page 8

	flagBranch = 0x01
	flagLeaf   = 0x02

	elementBucket = 0x01

	bucketHeaderLen = 16 // root page 8, sequence 8

	// maxPage bounds what is read of a page with its overflow, in bytes: one
	// record of the spool stays far below.
	maxPage = 256 << 20
)

// page is one page with its overflow, read and not trusted.
type page struct {
	leaf  bool
	count int
	b     []byte // with the header
}

// element is one entry of a page.
type element struct {
	key    []byte
	value  []byte // of a leaf
	bucket bool   // of a leaf: the value is a bucket
	child  uint64 // of a branch
}

// parse looks at the header of a page. Where the page says that it is another
// one, and looks well otherwise, it is taken, and wrong says so.
func parse(b []byte, id uint64) (p page, wrong string, ok bool) {
	if len(b) < headerLen {
		return p, "it is too short", false
	}
	flags := binary.LittleEndian.Uint16(b[8:])
	p = page{leaf: flags == flagLeaf, count: int(binary.LittleEndian.Uint16(b[10:])), b: b}
	switch {
	case flags != flagLeaf && flags != flagBranch:
		return p, fmt.Sprintf("it is neither leaf nor branch (flags %#x)", flags), false
	case headerLen+p.count*elementLen > len(b):
		return p, fmt.Sprintf("it cannot hold %d entries", p.count), false
	case !p.leaf && p.count == 0:
		return p, "it is a branch to nothing", false
	}
	if says := binary.LittleEndian.Uint64(b); says != id {
		wrong = fmt.Sprintf("it says to be page %d", says)
	}
	return p, wrong, true
}

// at gives the entry i; ok is false where it reaches out of the page.
func (p page) at(i int) (e element, ok bool) {
	begin := headerLen + i*elementLen
	b := p.b[begin:]
	if p.leaf {
		pos, ksize, vsize := u32(b[4:]), u32(b[8:]), u32(b[12:])
		if pos+ksize+vsize > int64(len(b)) || pos < elementLen {
			return e, false
		}
		return element{
			key: b[pos : pos+ksize : pos+ksize], value: b[pos+ksize : pos+ksize+vsize : pos+ksize+vsize],
			bucket: binary.LittleEndian.Uint32(b)&elementBucket != 0,
		}, true
	}
	pos, ksize := u32(b), u32(b[4:])
	if pos+ksize > int64(len(b)) || pos < elementLen {
		return e, false
	}
	return element{key: b[pos : pos+ksize : pos+ksize], child: binary.LittleEndian.Uint64(b[8:])}, true
}

func u32(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }

// load reads a page of the file with its overflow.
func (f *File) load(id uint64) ([]byte, string) {
	if id < 2 || id >= f.meta.HighWater {
		return nil, "there is no such page"
	}
	at := int64(id) * int64(f.meta.PageSize)
	b := make([]byte, f.meta.PageSize)
	if why := f.read(b, at); why != "" {
		return nil, why
	}
	overflow := uint64(binary.LittleEndian.Uint32(b[12:]))
	if overflow == 0 {
		return b, ""
	}
	length := int64(overflow+1) * int64(f.meta.PageSize)
	if overflow >= f.meta.HighWater-id || length > maxPage {
		return nil, fmt.Sprintf("it cannot be %d pages long", overflow+1)
	}
	b = make([]byte, length)
	return b, f.read(b, at)
}

func (f *File) read(b []byte, at int64) string {
	if at+int64(len(b)) > f.size {
		return "it lies behind the end of the file"
	}
	if n, err := f.r.ReadAt(b, at); err != nil && (err != io.EOF || n < len(b)) {
		return "it cannot be read: " + err.Error()
	}
	return ""
}
