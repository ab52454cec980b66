package bolt

import (
	"context"
	"sync"
	"testing"
)

// bbolt's check of pages sees damage where there is none when something is
// committed meanwhile.
func TestVerifyWhileMailComesAndGoes(t *testing.T) {
	s := openTest(t, Options{})
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := s.do(context.Background(), put("a token")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 200 {
		if err := s.Verify(t.Context()); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	writer.Wait()
}
