package bolt

import (
	"context"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// Backup writes a copy of the spool as it is at one moment, which is a spool
// file itself, and calls size with its length in bytes first. Mail comes and
// goes meanwhile; but pages that are given up are not used again until the copy
// is done, so the file grows by what is written in that time.
//
// On an error what was written is no backup. The copy holds whatever the spool
// does: mail, and refresh tokens.
func (s *Store) Backup(ctx context.Context, w io.Writer, size func(int64)) error {
	return s.view(func(tx *bbolt.Tx) error {
		size(tx.Size())
		out := &endsWith{ctx: ctx, w: w}
		n, err := tx.WriteTo(out)
		switch {
		case out.err != nil: // bbolt keeps its text only
			return out.err
		case err == nil && n != tx.Size():
			return fmt.Errorf("%d bytes of %d were copied", n, tx.Size())
		}
		return err
	})
}

// endsWith is a writer that fails when ctx has ended.
type endsWith struct {
	ctx context.Context
	w   io.Writer
	err error // the last one
}

// Write implements io.Writer.
func (e *endsWith) Write(p []byte) (n int, err error) {
	if e.err = e.ctx.Err(); e.err == nil {
		n, e.err = e.w.Write(p)
	}
	return n, e.err
}
