package bolt

import (
	"context"

	"go.etcd.io/bbolt"
)

// RefreshToken returns the refresh token that was kept for an upstream, "" if
// none was.
func (s *Store) RefreshToken(upstream string) (token string, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		token = string(tx.Bucket([]byte(bucketTokens)).Get([]byte(upstream)))
		return nil
	})
	return token, err
}

// KeepRefreshToken stores a refresh token, durably.
func (s *Store) KeepRefreshToken(upstream, token string) error {
	return s.do(context.Background(), &op{bytes: len(token), run: func(b *batch) error {
		return b.tx.Bucket([]byte(bucketTokens)).Put([]byte(upstream), []byte(token))
	}})
}
