package bolt

import (
	"testing"
	"testing/synctest"
	"time"
)

func mail() []*op  { return []*op{{}, {grows: true}} }
func marks() []*op { return []*op{{}} }

// many is a transaction of a crowd.
func many() []*op { return []*op{{}, {}, {}, {}, {}, {}, {}, {grows: true}} }

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
			p := r.linger(tt.ops, now.Add(tt.after))
			if (p.wait > 0) != tt.waits || p.wait > took/2 || tt.waits && !p.mail {
				t.Errorf("pause %+v", p)
			}
		})
	}
}

// A crowd is waited for as long as it comes back.
func TestLingerForACrowd(t *testing.T) {
	const took = 800 * time.Microsecond
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var r rhythm
	next := func(ops []*op) lull {
		r.committed(ops, now, now.Add(took))
		now = now.Add(took)
		return r.linger(marks(), now)
	}
	for range 100 {
		next(many())
	}
	p := next(many())
	if p.wait == 0 || p.wait > took/8 || p.ops != 1+6 || p.mail {
		t.Fatalf("pause %+v, want an eighth of %s, and three of four that were answered", p, took)
	}
	r.lingered(p, 3)
	if p = next(many()); p.ops == 0 {
		t.Fatal("three came, and the next are not waited for")
	}
	r.lingered(p, 1)
	for n := range retrial - 1 {
		if p = next(many()); p.ops != 0 {
			t.Fatalf("hardly anybody came, and %d transactions later somebody is waited for", n+1)
		}
	}
	if p = next(many()); p.ops == 0 {
		t.Error("whether they come now was not tried again")
	}
	if p = next(make([]*op, 0)); p.ops != 0 {
		t.Error("nobody was answered, and somebody is waited for")
	}
}

func TestLingerIsBounded(t *testing.T) {
	r := rhythm{took: time.Hour, stream: true, mail: time.Now()}
	for _, answered := range []int{0, 100} {
		r.answered = answered
		if p := r.linger(marks(), time.Now()); p.wait != maxLinger {
			t.Errorf("waits for %v, want %v", p.wait, maxLinger)
		}
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
				pause = time.Millisecond
			}
			go func() {
				s.committer.ops <- &op{}
				time.Sleep(pause)
				s.committer.ops <- &op{grows: true}
			}()
			got := s.await(marks())
			waited := time.Since(began)
			if late && (bringsMail(got) || len(got) != 2 || waited != 500*time.Microsecond) {
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

// A crowd is not waited for once most of it is there.
func TestAwaitACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{closing: make(chan struct{})}
		s.committer.ops = make(chan *op, maxBatchOps)
		s.committer.rhythm = rhythm{took: 8 * time.Millisecond, answered: 8}
		for _, come := range []int{6, 5, 1} {
			began := time.Now()
			go func() {
				time.Sleep(100 * time.Microsecond)
				for range come {
					s.committer.ops <- &op{}
				}
			}()
			got := s.await(marks())
			if waited := time.Since(began); len(got) != 1+come || (waited == time.Millisecond) != (come < 6) {
				t.Errorf("%d came: %d ops after %v", come, len(got), waited)
			}
		}
		if s.committer.rhythm.alone != retrial {
			t.Error("one of eight came, and the next are waited for")
		}
	})
}
