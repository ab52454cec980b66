package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"
)

// LaneState gives what was kept for a lane; see spool.Store.
func (s *Store) LaneState(_ context.Context, lane string) (state []byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		state = bytes.Clone(tx.Bucket([]byte(bucketLanes)).Get([]byte(lane)))
		return nil
	})
	return state, err
}

// KeepLaneState stores a few bytes for a lane; see spool.Store.
func (s *Store) KeepLaneState(ctx context.Context, lane string, state []byte) error {
	return s.do(ctx, &op{bytes: len(state), run: func(b *batch) error { return b.putLaneState(lane, state) }})
}

func (b *batch) putLaneState(lane string, state []byte) error {
	if state == nil || lane == "" {
		return nil
	}
	return b.tx.Bucket([]byte(bucketLanes)).Put([]byte(lane), state)
}
