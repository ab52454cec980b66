package bolt

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"relaykeep/spool"
	"relaykeep/spool/durable"
)

// compactBatch bounds what one transaction of Compact writes, in bytes.
const compactBatch = 32 << 20

// Compacted says what was gained.
type Compacted struct {
	Report        spool.Report
	Before, After int64 // length of the file, in bytes
}

// Compact writes the file of a stopped daemon anew, without the pages that are
// free, and puts it in the place of the old one once it is verified and on disk.
// On an error the old one stays. For a while there are both. Where path is a
// symbolic link, it stays one.
func Compact(ctx context.Context, path string, progress func(done, total int64)) (done Compacted, err error) {
	release, err := claimName(&path)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, release()) }()
	old, err := Open(Options{Path: path, ReadOnly: true})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, old.Close()) }()
	if done.Before, err = fileSize(path); err != nil {
		return done, err
	}
	if err := old.roomForAnother(ctx); err != nil {
		return done, err
	}
	f, err := durable.Prepare(path)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, f.Discard()) }()
	if err := old.copyInto(ctx, f.Name(), progress); err != nil {
		return done, err
	}
	if done.Report, err = CheckFile(ctx, f.Name(), progress); err != nil {
		return done, err
	}
	if err := done.Report.Err(); err != nil {
		return done, fmt.Errorf("the spool was left as it is, it is not sound: %w", err)
	}
	if done.After, err = fileSize(f.Name()); err != nil {
		return done, err
	}
	if done.After >= done.Before {
		done.After = done.Before // nothing would be gained: the new file goes
		return done, nil
	}
	return done, f.Replace()
}

// roomForAnother looks whether what is in use would fit on the disk once more.
func (s *Store) roomForAnother(ctx context.Context) error {
	stats, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	free, err := s.space.disk(filepath.Dir(s.opt.Path))
	if err == nil && free < stats.UsedBytes {
		err = fmt.Errorf("there is no room for a second file: %d bytes are in use, and %d are free on the disk", stats.UsedBytes, free)
	}
	return err
}

// copyInto copies all buckets into a new database, in order, so that its pages
// are full.
func (s *Store) copyInto(ctx context.Context, path string, progress func(done, total int64)) error {
	to, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: openTimeout, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
		PageSize: pageSize, InitialMmapSize: initialMmap, NoSync: true,
	})
	if err != nil {
		return err
	}
	to.AllocSize = scratchAlloc
	w := &bulk{ctx: ctx, db: to, progress: progress}
	err = s.view(func(tx *bbolt.Tx) error {
		w.total = tx.Size()
		return tx.ForEach(func(name []byte, from *bbolt.Bucket) error {
			if err := w.bucket(name, from.Sequence()); err != nil {
				return err
			}
			return from.ForEach(w.put)
		})
	})
	return errors.Join(err, w.end(err == nil), to.Close())
}

// bulk writes into a database in large transactions.
type bulk struct {
	ctx         context.Context
	db          *bbolt.DB
	tx          *bbolt.Tx
	name        []byte
	to          *bbolt.Bucket
	size        int // of the transaction
	done, total int64
	progress    func(done, total int64)
}

// bucket begins a new bucket.
func (w *bulk) bucket(name []byte, sequence uint64) (err error) {
	if w.tx == nil {
		if w.tx, err = w.db.Begin(true); err != nil {
			return err
		}
	}
	w.name = name
	if w.to, err = w.tx.CreateBucket(name); err != nil {
		return err
	}
	w.to.FillPercent = 0.9
	return w.to.SetSequence(sequence)
}

// put adds the next entry.
func (w *bulk) put(k, v []byte) error {
	if n := len(k) + len(v); w.size+n > compactBatch {
		if err := w.renew(); err != nil {
			return err
		}
	}
	w.size += len(k) + len(v)
	w.done += int64(len(k) + len(v))
	return w.to.Put(k, v)
}

// renew goes on in a transaction of its own.
func (w *bulk) renew() (err error) {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.progress != nil {
		w.progress(w.done, w.total)
	}
	if err := w.tx.Commit(); err != nil {
		return err
	}
	w.size, w.tx = 0, nil
	if w.tx, err = w.db.Begin(true); err != nil {
		return err
	}
	w.to = w.tx.Bucket(w.name)
	w.to.FillPercent = 0.9
	return nil
}

// end ends the last transaction.
func (w *bulk) end(good bool) error {
	if w.tx == nil {
		return nil
	}
	if !good {
		return w.tx.Rollback()
	}
	return w.tx.Commit()
}
