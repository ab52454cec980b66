package bounce

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(Limit{N: 3, Per: time.Hour})
	steps := []struct {
		sender string
		after  time.Duration
		want   bool
	}{
		{"a", 0, true}, {"a", 0, true}, {"a", time.Second, true}, {"a", time.Minute, false},
		{"b", time.Minute, true},
		{"a", 21 * time.Minute, true}, {"a", 22 * time.Minute, false},
	}
	for i, s := range steps {
		if got := l.allow(s.sender, received.Add(s.after)); got != s.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	if none := newLimiter(Limit{}); !none.allow("a", received) {
		t.Error("no limit limits")
	}
}

// However many senders there are, the table has an end; the one that was told
// last stays in it.
func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(Limit{N: 1, Per: time.Hour})
	l.allow("a", received)
	for i := range maxSenders + 10 {
		l.allow(fmt.Sprint(i), received)
		l.allow("a", received)
	}
	if len(l.by) != maxSenders || l.told.Len() != maxSenders {
		t.Errorf("%d and %d senders", len(l.by), l.told.Len())
	}
	if l.allow("a", received) {
		t.Error("the sender was forgotten")
	}
}
