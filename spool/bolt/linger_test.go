package bolt

import (
	"testing"
	"testing/synctest"
	"time"
)

func mail() []*op  { return []*op{{}, {grows: true}} }
func marks() []*op { return []*op{{}} }

// A rhythm is a story: transactions, and then the question.
func TestLinger(t *testing.T) {
	const took = 800 * time.Microsecond
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	type commit struct {
		ops   []*op
		after time.Duration // since the one before
	}
	stream := []commit{{mail(), 0}, {mail(), time.Millisecond}, {mail(), time.Millisecond}}
	for _, tt := range []struct {
		name  string
		story []commit
		ops   []*op
		after time.Duration
		waits bool
	}{
		{"nothing has happened", nil, marks(), 0, false},
		{"one message on an idle daemon", []commit{{mail(), 0}}, marks(), 0, false},
		{"one message after the other", stream, marks(), 0, true},
		{"the next one is there", stream, mail(), 0, false},
		{"outcomes between", append(stream[:3:3], commit{marks(), 0}), marks(), 0, true},
		{"the client has gone", stream, marks(), streamGap + time.Millisecond, false},
		{"now and then a message", []commit{{mail(), 0}, {mail(), time.Second}, {mail(), time.Second}}, marks(), 0, false},
		{"only outcomes", []commit{{marks(), 0}, {marks(), 0}}, marks(), 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r rhythm
			now := start
			for _, c := range tt.story {
				begin := now.Add(c.after)
				now = begin.Add(took)
				r.committed(c.ops, begin, now)
			}
			wait := r.linger(tt.ops, now.Add(tt.after))
			if (wait > 0) != tt.waits || wait > 2*took {
				t.Errorf("waits for %v", wait)
			}
		})
	}
}

func TestLingerIsBounded(t *testing.T) {
	r := rhythm{took: time.Hour, stream: true, mail: time.Now()}
	if wait := r.linger(marks(), time.Now()); wait != maxLinger {
		t.Errorf("waits for %v, want %v", wait, maxLinger)
	}
}

// What was gathered goes on as soon as mail has joined it, and without mail
// when the time is over.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{closing: make(chan struct{})}
		s.committer.ops = make(chan *op, maxBatchOps)
		streaming := rhythm{took: time.Millisecond, stream: true}
		for _, late := range []bool{false, true} {
			s.committer.rhythm = streaming
			s.committer.rhythm.mail = time.Now()
			began := time.Now()
			pause := 100 * time.Microsecond
			if late {
				pause = 2 * maxLinger
			}
			go func() {
				s.committer.ops <- &op{}
				time.Sleep(pause)
				s.committer.ops <- &op{grows: true}
			}()
			got := s.await(marks())
			waited := time.Since(began)
			if late && (bringsMail(got) || len(got) != 2 || waited != maxLinger) {
				t.Errorf("late: %d ops after %v", len(got), waited)
			}
			if !late && (!bringsMail(got) || len(got) != 3 || waited != pause) {
				t.Errorf("in time: %d ops after %v", len(got), waited)
			}
			synctest.Wait()
			time.Sleep(time.Second)
			for len(s.committer.ops) > 0 {
				<-s.committer.ops
			}
		}
	})
}
