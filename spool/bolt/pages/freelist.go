package pages

import (
	"encoding/binary"
	"fmt"
	"math"
)

const flagFreelist = 0x10

// freelist looks whether the list of free pages names what is free: bbolt
// believes it, and writes there. It wants the walk over all trees to be over.
func (w *walker) freelist() {
	at := w.f.meta.Freelist
	if !w.f.meta.HasFreelist {
		return
	}
	ids, why := w.f.freePages(at)
	if why != "" {
		w.problem(Problem{Page: at, Free: true, What: why})
		return
	}
	last := uint64(1) // the pages before are those of the meta
	for _, id := range ids {
		switch {
		case id <= last || id >= w.f.meta.HighWater:
			w.problem(Problem{Page: at, Free: true, What: fmt.Sprintf("%d cannot stand behind %d", id, last)})
			return
		case id/64 < uint64(len(w.seen)) && w.seen[id/64]&(1<<(id%64)) != 0:
			w.problem(Problem{Page: id, Free: true, What: "it is in use"})
		}
		last = id
	}
}

// freePages reads the list of free pages; why says what is wrong with it.
func (f *File) freePages(at uint64) (ids []uint64, why string) {
	b, why := f.load(at)
	if why != "" {
		return nil, why
	}
	if flags := binary.LittleEndian.Uint16(b[8:]); flags != flagFreelist {
		return nil, fmt.Sprintf("it is none (flags %#x)", flags)
	}
	count, list := uint64(binary.LittleEndian.Uint16(b[10:])), b[headerLen:]
	if count == math.MaxUint16 { // then it stands before the list
		count, list = binary.LittleEndian.Uint64(list), list[8:]
	}
	if count > uint64(len(list))/8 {
		return nil, fmt.Sprintf("it cannot hold %d pages", count)
	}
	ids = make([]uint64, count)
	for i := range ids {
		ids[i] = binary.LittleEndian.Uint64(list[8*i:])
	}
	return ids, ""
}
