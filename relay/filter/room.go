package filter

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// The memory that texts take.
const (
	chunkSize   = 64 << 10
	shortText   = 1 << 20  // a text beyond it is kept in a file
	roomyMemory = 64 << 20 // of all texts together; beyond it short ones are kept in files, too
)

// ErrFull: the disk has no room for a text. The client may come again.
var ErrFull = errors.New("no room for a message that is filtered")

// Room is where the texts of messages are kept while they are filtered. It is
// safe for concurrent use.
type Room struct {
	folder  string
	minFree int64
	used    atomic.Int64 // bytes of memory
	chunks  sync.Pool
}

// NewRoom makes a Room with its files in a folder, which should be on a disk
// (a folder in memory would take what Room spares). minFree is how many bytes
// of that disk stay free; 0 for no such bound.
func NewRoom(folder string, minFree int64) *Room { return &Room{folder: folder, minFree: minFree} }

// take gives a chunk of memory, nil where there is none left.
func (r *Room) take() []byte {
	if r.used.Add(chunkSize) > roomyMemory {
		r.used.Add(-chunkSize)
		return nil
	}
	if p, ok := r.chunks.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, chunkSize)
}

func (r *Room) give(chunk []byte) {
	r.used.Add(-chunkSize)
	r.chunks.Put(&chunk)
}

// check says whether the disk has room for more. A disk that does not tell is
// tried.
func (r *Room) check() error {
	var st unix.Statfs_t
	if r.minFree <= 0 || unix.Statfs(r.folder, &st) != nil {
		return nil
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < r.minFree {
		return fmt.Errorf("%w: %d bytes are free on its disk, fewer than %d (min_free_disk)", ErrFull, free, r.minFree)
	}
	return nil
}

// full turns the errors of a full disk into ErrFull.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
