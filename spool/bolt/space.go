package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"relaykeep/spool"
)

// space knows how much room there is. Copy-on-write needs pages even to
// delete, so a ballast file is kept beside the spool and let go when the disk
// is full: deliveries then go on, and free pages.
type space struct {
	maxSize int64
	minFree int64
	dir     string
	ballast string
	guest   bool       // whose files are not ours to make
	size    int64      // of the ballast
	mu      sync.Mutex // held while the ballast comes or goes
	disk    func(dir string) (int64, error)
	used    atomic.Int64 // bytes of the file in use
	unused  atomic.Int64 // bytes of the file that commits take before any of the disk
	full    atomic.Bool  // a commit found no room
	laid    atomic.Bool  // the ballast lies there
	crowded chan struct{}
}

func (p *space) start(s *Store) {
	p.maxSize, p.minFree = s.opt.MaxSize, s.opt.MinFreeDisk
	p.guest = s.opt.Guest
	p.dir, p.ballast = filepath.Dir(s.opt.Path), s.opt.Path+".ballast"
	p.size = min(max(p.minFree/4, minBallast), maxBallast)
	p.crowded = make(chan struct{}, 1)
	p.committed(s.db)
	if s.opt.scratch {
		p.size = 0
		return
	}
	if err := p.takeOn(); err != nil {
		s.log.Warn("no ballast for a full disk could be laid down", "error", err.Error())
	}
}

// check says whether more mail may come in.
func (p *space) check() error {
	if p.full.Load() {
		if err := p.restore(); err != nil || p.full.Load() {
			return fmt.Errorf("%w: the disk is full", spool.ErrFull)
		}
	}
	if used := p.used.Load(); p.maxSize > 0 {
		if used > p.maxSize/10*8 {
			select {
			case p.crowded <- struct{}{}:
			default:
			}
		}
		if used >= p.maxSize {
			return fmt.Errorf("%w: it uses %d bytes of %d (max_size)", spool.ErrFull, used, p.maxSize)
		}
	}
	need := p.minFree
	if !p.laid.Load() {
		need += 2 * p.size
	}
	if room, err := p.room(); err == nil && room < need {
		return fmt.Errorf("%w: %d bytes are free on the disk and in the file, fewer than %d (min_free_disk)", spool.ErrFull, room, need)
	}
	return nil
}

// room is what commits may still take: of the disk, and of the file, which
// never shrinks. Without the latter a spool that once filled its disk would
// refuse mail for ever, empty as it may be.
func (p *space) room() (int64, error) {
	free, err := p.disk(p.dir)
	return free + p.unused.Load(), err
}

// isCrowded reports whether the history should make room.
func (p *space) isCrowded() bool { return p.maxSize > 0 && p.used.Load() > p.maxSize/10*8 }

// committed takes note of how much the file uses now.
func (p *space) committed(db *bbolt.DB) {
	st := db.Stats()
	unused := int64(st.FreePageN+st.PendingPageN) * int64(db.Info().PageSize)
	_ = db.View(func(tx *bbolt.Tx) error {
		p.used.Store(tx.Size() - unused)
		p.unused.Store(unused)
		return nil
	})
}

// takeOn lays the ballast down, in real blocks. Nothing is done where it lies
// already, or by a guest.
func (p *space) takeOn() error {
	info, err := os.Stat(p.ballast)
	if err == nil && (p.guest || info.Size() == p.size) {
		p.laid.Store(true)
		return nil
	}
	if p.guest {
		return nil
	}
	f, err := os.OpenFile(p.ballast, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, p.size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = f.Write(make([]byte, p.size))
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(p.ballast))
	}
	p.laid.Store(true)
	return nil
}

// letGo frees the blocks of the ballast.
func (p *space) letGo() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full.Store(true)
	p.laid.Store(false)
	if err := os.Remove(p.ballast); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// restore lets mail in again once there is room beyond the reserve, and lays
// the ballast down again. Where the disk has no blocks for it, unused pages of
// the file stand in: check keeps as many.
func (p *space) restore() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	free, err := p.disk(p.dir)
	if err != nil || free+p.unused.Load() < p.minFree+2*p.size {
		return err
	}
	p.full.Store(false)
	if free < 2*p.size {
		return nil
	}
	return p.takeOn()
}

// commitWithoutSpace is what becomes of a batch that found the disk full: mail
// on its way in is refused, the rest is tried again with the ballast's blocks.
func (s *Store) commitWithoutSpace(ops []*op) {
	if !s.space.full.Load() {
		s.log.Error("the disk is full: no more mail is accepted, delivery goes on", "path", s.opt.Path)
	}
	if err := s.space.letGo(); err != nil {
		s.log.Error("the ballast could not be let go", "error", err.Error())
	}
	for _, o := range ops {
		if o.grows {
			o.done <- fmt.Errorf("%w: the disk is full", spool.ErrFull)
		} else {
			s.commitAlone(o)
		}
	}
}

// WaitNoMore ends all waiting for room on a full disk, from now on: what cannot be
// stored fails, with an error that matches spool.ErrFull. It is for a process that
// has to end: what was sent and is not stored is in doubt after the next start.
func (s *Store) WaitNoMore() { s.noRoomOnce.Do(func() { close(s.noRoom) }) }

// commitAlone commits one op by itself, so that it needs as few pages as can
// be, and waits where even those are not to be had.
func (s *Store) commitAlone(o *op) {
	one := []*op{o}
	for {
		if err := s.Err(); err != nil {
			answer(one, err)
			return
		}
		err := s.transact(one)
		switch {
		case err == nil:
			return
		case errors.Is(err, errOp):
			answer(one, err)
			return
		case !isNoSpace(err):
			s.fail(fmt.Errorf("commit: %w", err))
			answer(one, s.failure)
			return
		}
		select {
		case <-time.After(time.Second):
		case <-s.noRoom:
			answer(one, fmt.Errorf("%w: the disk is full", spool.ErrFull))
			return
		case <-s.closing:
			answer(one, fmt.Errorf("%w: the disk is full", spool.ErrFull))
			return
		}
	}
}

// isNoSpace reports whether a commit failed for want of room, and left the file
// as it was. bbolt turns the error of growing the file into text.
func isNoSpace(err error) bool {
	if errors.Is(err, errVisible) {
		return false
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		strings.Contains(err.Error(), syscall.ENOSPC.Error())
}

// freeDisk is what an ordinary user may still write on the file system.
func freeDisk(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Room says whether more mail may come in: nil, or an error that matches
// spool.ErrFull.
func (s *Store) Room() error { return s.space.check() }
