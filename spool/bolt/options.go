package bolt

import (
	"time"

	"github.com/hashicorp/go-hclog"
)

// Options describe a spool file.
type Options struct {
	Path string

	MaxSize     int64         // of used pages, in bytes; past it Accept returns spool.ErrFull. 0: no limit
	MinFreeDisk int64         // bytes left on the disk and unused in the file below which Accept returns spool.ErrFull
	History     time.Duration // how long finished messages stay listed
	KeepFailed  time.Duration // how long bodies of bounced and expired mail are kept

	NoSync   bool // no fsync: for tests only
	ReadOnly bool // of a spool whose daemon is stopped; changes fail

	// Guest opens the spool of a stopped daemon for a moment, for somebody who
	// may be another user: no file is made beside it.
	Guest bool

	// Observe, where it is set, is told of each transaction that is on disk:
	// how many changes it held, and how long it took from its begin. It must
	// not block.
	Observe func(changes int, took time.Duration)

	Logger hclog.Logger // nil: nothing is said

	// scratch is a file that nobody knows yet: it is not synced, has no ballast,
	// and nothing is pruned.
	scratch bool
	empty   bool // it is there, and empty
}

const (
	// pageSize of a new file. A commit writes some twenty pages, scattered over
	// the file: with 8192 half as many bytes as with 16384, and 0.88 instead of
	// 0.80 of the rate of an empty spool with 600,000 messages waiting. With 4096
	// a file of a million bodies of 2 KB has 4.4 GB; with 8192 3.2, with 16384
	// 2.8. See docs/performance.md.
	pageSize = 8192

	// chunkSize keeps a chunk with its key and headers within eight pages.
	chunkSize = 64*1024 - 512

	// stageChunks is how many chunks of a body are held in memory: a body of
	// up to so many goes in with its message, a larger one is staged.
	stageChunks = 4

	// A batch takes what waits, up to these bounds.
	maxBatchOps   = 1024
	maxBatchBytes = 8 << 20

	// What a settlement counts for in a batch: its record and events, and the
	// notices that a report may give, which are not known before.
	settleBytes = 1 << 10
	reportBytes = 8 << 10

	// pruneBatch bounds how many finished messages one transaction removes,
	// pruneBodies how many kept bodies, which may be large.
	pruneBatch  = 500
	pruneBodies = 20

	// sweepPage is how many messages of the history one read transaction of
	// pruning looks at.
	sweepPage = 4096
	// sweepPause is how long what a sweep passed over waits at least to be looked
	// at again.
	sweepPause = 10 * time.Minute

	openTimeout   = 500 * time.Millisecond // for the lock: a second daemon ends soon
	lockInterval  = 20 * time.Millisecond  // between tries to get it
	pruneInterval = time.Minute
	allocSize     = 16 << 20
	scratchAlloc  = 1 << 20 // the last of it stays free
	initialMmap   = 1 << 30 // at least; see mapped
	maxBallast    = 16 << 20
	minBallast    = 2 << 20 // a settlement alone rewrites some twenty pages
)
