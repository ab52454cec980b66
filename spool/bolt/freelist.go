package bolt

import "go.etcd.io/bbolt"

// bbolt can leave the list of free pages in the file, or find them at Open by a
// visit to every page that is in use. The list makes a start with a million
// messages a matter of milliseconds instead of seconds, but each commit writes it
// anew: a short one is a page more, and a long one, after a large drain, makes
// commits 35 times slower. So it is kept where the visit would take long and the
// list is a few pages, and once more when the store closes.

const (
	// maxKeptFreelist is how many free pages a list of three pages holds, with
	// room for those that the commit itself gives up.
	maxKeptFreelist = 3*pageSize/8 - 512
	// walkable is how many bytes in use a visit takes a tenth of a second for.
	walkable = 128 << 20
)

// keepFreelist says whether the commits to come leave the list.
func (s *Store) keepFreelist() {
	st := s.db.Stats()
	s.db.NoFreelistSync = s.space.used.Load() < s.walkable || st.FreePageN+st.PendingPageN > maxKeptFreelist
}

// leaveFreelist leaves the list, however long it is, when nothing else is
// committed any more. Where there is no room for it the next Open does without.
func (s *Store) leaveFreelist() {
	if s.opt.ReadOnly || s.freelist || s.Err() != nil {
		return
	}
	s.db.NoFreelistSync = false
	err := guard(func() error { return s.db.Update(func(*bbolt.Tx) error { return nil }) })
	if err != nil {
		s.log.Warn("no list of free pages could be left in the spool, so the next start takes longer", "error", err.Error())
	}
}

// countFree gives the number of free pages: from memory, or where a file without
// their list is only read, by a visit to every page.
func (s *Store) countFree() (int64, error) {
	if !s.opt.ReadOnly || s.freelist {
		st := s.db.Stats()
		return int64(st.FreePageN + st.PendingPageN), nil
	}
	if err := walk(s.opt.Path); err != nil {
		return 0, err
	}
	var free int
	err := guard(func() error {
		db, err := bbolt.Open(s.opt.Path, 0o600, &bbolt.Options{Timeout: openTimeout, ReadOnly: true, PreLoadFreelist: true, MmapFlags: mapFlags(s.opt.Path)})
		if err != nil {
			return err
		}
		free = db.Stats().FreePageN
		return db.Close()
	})
	return int64(free), err
}
