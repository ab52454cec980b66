package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"relaykeep/spool"
	"relaykeep/spool/durable"
)

// Store is a spool.Store in one bbolt file. Make one with Open.
type Store struct {
	opt      Options
	log      hclog.Logger
	db       *bbolt.DB
	codec    *spool.Codec
	instance string
	freelist bool  // the file holds a list of its free pages
	walkable int64 // the constant; tests change it

	committer committer
	chunks    chunkPool
	space     space
	lanes     laneTable
	leases    leaseTable
	counts    publishedCounts
	doubts    []spool.Delivery // found at Open; Doubts hands them out

	pruning sync.Mutex   // held while something is pruned
	history historySweep // of who prunes

	unreadable sync.Map // of spool.Key: what tellUnreadable has told of

	failOnce sync.Once
	failed   chan struct{}
	failure  error // set before failed is closed

	closeOnce  sync.Once
	closing    chan struct{}
	noRoomOnce sync.Once
	noRoom     chan struct{} // closed when nobody waits for room any more
	running    sync.WaitGroup
}

var _ spool.Store = (*Store)(nil)

// Open opens a spool, and makes an empty one where no file is. It never
// replaces or repairs a file that it cannot read: the error says what is wrong
// and what to do. The caller closes the store.
func Open(opt Options) (*Store, error) {
	s := &Store{
		opt:     opt,
		log:     opt.Logger,
		codec:   spool.NewCodec(),
		failed:  make(chan struct{}),
		closing: make(chan struct{}),
		noRoom:  make(chan struct{}),

		walkable: walkable,
	}
	s.space.disk = freeDisk
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	if err := s.openFile(); err != nil {
		return nil, err
	}
	walked := !s.freelist
	if err := s.load(); err != nil {
		if errors.Is(err, errDamage) {
			err = damaged(opt.Path, err)
		}
		return nil, errors.Join(err, s.db.Close())
	}
	if !opt.ReadOnly {
		s.space.start(s)
		if !walked {
			s.running.Go(s.visitLater)
		}
		s.committer.start(s)
	}
	if !opt.ReadOnly && !opt.scratch {
		s.running.Go(s.maintain)
	}
	return s, nil
}

// openFile opens the database, verified where the last process asked for it.
func (s *Store) openFile() error {
	path := s.opt.Path
	fresh, err := s.prepareFile()
	if err != nil {
		return err
	}
	if !fresh && s.mustWalk() {
		err = walk(path)
	}
	if err == nil {
		err = s.openDatabase()
	}
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return inUse(path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, errReplaced):
		return fmt.Errorf("spool %s: %w", path, err)
	case err != nil:
		return damaged(path, err)
	}
	if s.db.AllocSize = allocSize; s.opt.scratch {
		s.db.AllocSize = scratchAlloc
	}
	if fresh && !s.opt.NoSync {
		if err := durable.SyncDir(filepath.Dir(path)); err != nil {
			return errors.Join(fmt.Errorf("spool %s: %w", path, err), s.db.Close())
		}
	}
	return nil
}

// mustWalk reports whether the file is to be looked through before it is opened:
// where bbolt does so, or checkAfterFailure will.
func (s *Store) mustWalk() bool {
	_, err := os.Stat(failureNote(s.opt.Path))
	return err == nil || !s.freelist && !s.opt.ReadOnly
}

// openDatabase opens the file. Where it holds no list of its free pages bbolt
// visits every page to find them; a reader can do without.
func (s *Store) openDatabase() error {
	var file *os.File // of the database
	flags := 0
	if !s.freelist && !s.opt.ReadOnly {
		flags = mapFlags(s.opt.Path)
	}
	return guard(func() (err error) {
		s.db, err = bbolt.Open(s.opt.Path, 0o600, &bbolt.Options{
			Timeout:         openTimeout,
			NoFreelistSync:  true, // keepFreelist decides at each commit
			FreelistType:    bbolt.FreelistMapType,
			PageSize:        pageSize,
			InitialMmapSize: mapped(s.opt.MaxSize),
			NoSync:          s.opt.NoSync || s.opt.scratch,
			OpenFile: func(name string, flag int, mode fs.FileMode) (f *os.File, err error) {
				f, err = os.OpenFile(name, flag, mode)
				file = f
				return f, err
			},
			ReadOnly:        s.opt.ReadOnly,
			PreLoadFreelist: s.freelist, // for the count of free pages, of a file that is only read
			MmapFlags:       flags,
		})
		if err != nil {
			return err
		}
		if !sameFile(file, s.opt.Path) {
			return errors.Join(errReplaced, s.db.Close())
		}
		if err := wholeMeta(file); err != nil { // looked at under the lock: nobody writes it
			return errors.Join(err, s.db.Close())
		}
		if !s.opt.ReadOnly {
			s.db.MmapFlags = 0 // for when it is mapped anew
			s.space.committed(s.db)
			s.keepFreelist()
		}
		return nil
	})
}

// errReplaced: what was opened has lost its name, such as to a compacted file,
// while its lock was waited for.
var errReplaced = errors.New("another file took its place while it was opened: try again")

// sameFile reports whether an open file has this name.
func sameFile(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(opened, named)
}

// mapped is how many bytes of addresses a spool of this size is given. While a
// file grows within them, a commit never waits for who reads, such as a backup.
func mapped(maxSize int64) int {
	const most = math.MaxInt >> 17 // 64 TiB; nothing more than the least where addresses have 32 bits
	return max(initialMmap, int(min(2*maxSize, most)))
}

// prepareFile makes the folder of a new spool, and looks at an old one for
// what bbolt would stumble over.
func (s *Store) prepareFile() (fresh bool, err error) {
	path := s.opt.Path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.opt.ReadOnly:
		return false, fmt.Errorf("there is no spool at %s yet", path)
	case errors.Is(err, fs.ErrNotExist):
		return true, makeFolderOf(path)
	case err != nil:
		return false, fmt.Errorf("spool %s: %w", path, err)
	case info.IsDir():
		return false, fmt.Errorf("spool %s is a folder: name a file, such as %s", path, filepath.Join(path, "spool.db"))
	}
	if s.opt.empty && info.Size() == 0 {
		return true, nil
	}
	s.freelist, err = checkMeta(path, info.Size())
	if errors.Is(err, fs.ErrPermission) {
		return false, fmt.Errorf("spool %s: %w", path, err)
	}
	if err != nil {
		return false, damaged(path, err)
	}
	return false, nil
}

// load brings what lives in memory: schema, chains, counts, marks; and sweeps
// what a crash left half staged.
func (s *Store) load() error {
	return guard(func() error {
		if err := s.checkAfterFailure(); err != nil {
			return damaged(s.opt.Path, err)
		}
		if s.opt.ReadOnly {
			version, err := readSchema(s.db)
			if err == nil {
				err = mayRead(version)
			}
			if err != nil {
				return fmt.Errorf("spool %s: %w", s.opt.Path, err)
			}
		} else if err := migrate(s.db, s.opt.Path); err != nil {
			return err
		}
		if err := s.db.View(s.loadMemory); err != nil {
			return fmt.Errorf("spool %s: %w", s.opt.Path, err)
		}
		if s.opt.ReadOnly {
			return nil
		}
		if err := s.sweep(); err != nil {
			return fmt.Errorf("spool %s: sweep what was half staged: %w", s.opt.Path, err)
		}
		s.freelist = !s.db.NoFreelistSync
		return nil
	})
}

func (s *Store) loadMemory(tx *bbolt.Tx) error {
	meta := tx.Bucket([]byte(bucketMeta))
	s.instance = string(meta.Get([]byte(metaInstance)))
	if b := meta.Get([]byte(metaCounts)); b != nil {
		counts, err := s.codec.DecodeCounts(b)
		if err != nil {
			return err
		}
		s.counts.set(counts)
	}
	if err := s.lanes.load(tx.Bucket([]byte(bucketChains))); err != nil {
		return err
	}
	s.leases.start(time.Now())
	return s.loadMarks(tx)
}

// Instance is a random name that the spool got when it was made; it stays the
// same for the life of the file.
func (s *Store) Instance() string { return s.instance }

// Failed is closed when a commit failed with an unknown outcome; see
// spool.Store.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err says why the store failed, nil while it has not.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

// fail ends the life of the store: nothing is committed any more.
func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = fmt.Errorf("%w: %w", spool.ErrFailed, err)
		s.noteFailure(err)
		close(s.failed)
	})
}

// Close waits for the commits under way and closes the file. Further calls do
// nothing.
func (s *Store) Close() error {
	var err error
	s.closeOnce.Do(func() {
		close(s.closing)
		s.running.Wait()
		s.leaveFreelist()
		err = s.db.Close()
	})
	return err
}

// view runs fn in a read transaction.
func (s *Store) view(fn func(*bbolt.Tx) error) error { return s.transaction(false, fn) }

// transaction runs fn in a transaction that is never committed; an exclusive
// one keeps commits waiting. Damaged pages make bbolt panic, and a disk that
// cannot read makes the mapped memory fault: both become errors.
func (s *Store) transaction(exclusive bool, fn func(*bbolt.Tx) error) error {
	return guard(func() error {
		tx, err := s.db.Begin(exclusive)
		if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
			return spool.ErrClosed
		}
		if err != nil {
			return err
		}
		defer rollback(tx)
		return fn(tx)
	})
}

// tellUnreadable logs, once, that a message cannot be read. It is left alone:
// its file may be mended, or another version may know it.
func (s *Store) tellUnreadable(k spool.Key, err error) {
	if _, told := s.unreadable.LoadOrStore(k, true); !told {
		s.log.Error("a message in the spool cannot be read and is left alone", "message", string(k.ID()), "error", err.Error())
	}
}

// errDamage wraps what bbolt says of damaged pages.
var errDamage = errors.New("the spool file is damaged")

// guard turns a panic or a memory fault of fn into an error.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamage, p)
		}
	}()
	return fn()
}

func damaged(path string, err error) error {
	return fmt.Errorf("spool %s cannot be opened, it may be damaged (%w): it was left as it is; save what can be read (relaykeep spool verify --salvage FILE), then move it away, and put what was saved or a backup in its place (relaykeep spool restore FILE)", path, err)
}

// makeFolderOf makes the folder of a spool where it is missing, durably.
func makeFolderOf(path string) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = durable.SyncDir(filepath.Dir(dir))
	}
	if err != nil {
		return fmt.Errorf("spool %s: %w", path, err)
	}
	return nil
}
