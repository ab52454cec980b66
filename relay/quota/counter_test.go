package quota

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestNeverMoreThanTheLimitInAnyWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limit{N: rapid.IntRange(1, 20).Draw(t, "n"), Per: time.Duration(rapid.IntRange(1, 7200).Draw(t, "per")) * time.Second}
		c := NewCounter(l)
		type taking struct {
			at time.Time
			n  int
		}
		var all []taking
		now := noon
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(l.Per)/3).Draw(t, "pause")))
			n := rapid.IntRange(1, l.N).Draw(t, "take")
			wait, ok := c.Take(now, n)
			if ok {
				all = append(all, taking{now, n})
			} else if more := clone(t, l, now, c).Wait(now.Add(wait), n); wait <= 0 || more != 0 || wait > l.Per+l.Per/slices+2*time.Millisecond {
				t.Fatalf("told to wait %v, and then %v more", wait, more)
			}
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				c = clone(t, l, now, c)
			}
			sum := 0
			for _, past := range all {
				if past.at.After(now.Add(-l.Per)) {
					sum += past.n
				}
			}
			if sum > l.N {
				t.Fatalf("%d in %v, and the limit is %d", sum, l.Per, l.N)
			}
		}
	})
}

// clone is a counter after a restart.
func clone(t *rapid.T, l Limit, now time.Time, c *Counter) *Counter {
	again := NewCounter(l)
	if err := again.Restore(now, c.State()); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestAllLimitsOrNone(t *testing.T) {
	c := NewCounter(Limit{N: 2, Per: time.Second}, Limit{N: 3, Per: time.Hour}, Limit{})
	for _, n := range []int{2, 1} {
		if wait, ok := c.Take(noon, n); n == 2 != ok {
			t.Errorf("take %d: %v %v", n, wait, ok)
		}
	}
	noonish := noon.Add(2 * time.Second)
	if n, limited := c.Remaining(noonish); n != 1 || !limited {
		t.Errorf("%d remain: the refused one was counted", n)
	}
	if _, ok := c.Take(noonish, 2); ok {
		t.Error("past the limit of the hour")
	}
	c.Return(noonish, 1)
	if n, _ := c.Remaining(noonish); n != 2 {
		t.Errorf("%d remain after one was given back", n)
	}
	if n, limited := NewCounter().Remaining(noon); n != 0 || limited {
		t.Errorf("no limit: %d %v", n, limited)
	}
}

func TestLargerThanTheLimit(t *testing.T) {
	c := NewCounter(Limit{N: 10, Per: time.Hour})
	if _, ok := c.Take(noon, 1); !ok {
		t.Fatal("one of ten")
	}
	wait, ok := c.Take(noon, 25)
	if ok {
		t.Fatal("25 beside another")
	}
	if _, ok := c.Take(noon.Add(wait), 25); !ok {
		t.Error("25 never fit a limit of 10")
	}
}

func TestReset(t *testing.T) {
	r, err := ParseReset("00:00 Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	c := NewCounter(Limit{N: 5, Per: 24 * time.Hour, Reset: &r})
	if _, ok := c.Take(noon, 5); !ok {
		t.Fatal("five of five")
	}
	midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
	if wait, ok := c.Take(noon, 1); ok || !noon.Add(wait).Equal(midnight) {
		t.Errorf("wait until %v", noon.Add(wait))
	}
	again := NewCounter(Limit{N: 6, Per: 24 * time.Hour, Reset: &r})
	if err := again.Restore(noon, c.State()); err != nil {
		t.Fatal(err)
	}
	if n, _ := again.Remaining(noon); n != 1 {
		t.Errorf("%d remain of a limit that was raised by one", n)
	}
	if n, _ := c.Remaining(midnight); n != 5 {
		t.Errorf("%d remain after the reset", n)
	}
}

// Days of 23 and 25 hours, and a time that a day does not have.
func TestResetFollowsTheDays(t *testing.T) {
	for _, c := range []struct{ reset, now, want string }{
		{"00:00 Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T22:00:00Z"},
		{"00:00 Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T23:00:00Z"},
		{"02:30 Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"},
		{"12:00 UTC", "2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z"},
	} {
		r, err := ParseReset(c.reset)
		if err != nil {
			t.Fatal(err)
		}
		now, _ := time.Parse(time.RFC3339, c.now)
		if got := r.next(now).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("after %s comes %s, want %s", c.now, got, c.want)
		}
	}
	for _, s := range []string{"", "00:00", "24:00 UTC", "00:00 Nowhere/Land", "0:00", "noon UTC"} {
		if _, err := ParseReset(s); err == nil {
			t.Errorf("%q was read", s)
		}
	}
}

func TestTheClockMayJump(t *testing.T) {
	r := Reset{Location: time.UTC}
	for name, l := range map[string]Limit{"rolling": {N: 3, Per: time.Hour}, "reset": {N: 3, Per: 24 * time.Hour, Reset: &r}} {
		c := NewCounter(l)
		c.Take(noon, 3)
		for _, jump := range []time.Duration{-24 * time.Hour, -400 * 24 * time.Hour} {
			now := noon.Add(jump)
			if wait, ok := c.Take(now, 1); ok || wait > l.Per+l.Per/slices+time.Millisecond {
				t.Errorf("%s, %v: %v %v", name, jump, wait, ok)
			}
		}
		if wait, ok := c.Take(time.Date(2038, 1, 20, 0, 0, 0, 0, time.UTC), 3); !ok {
			t.Errorf("%s, forwards: %v", name, wait)
		}
	}
}

func TestExhausted(t *testing.T) {
	c := NewCounter()
	c.Exhaust(noon.Add(time.Hour))
	if wait, ok := c.Take(noon, 1); ok || wait != time.Hour {
		t.Errorf("%v %v", wait, ok)
	}
	again := NewCounter()
	if err := again.Restore(noon, c.State()); err != nil {
		t.Fatal(err)
	}
	if n, limited := again.Remaining(noon); n != 0 || !limited {
		t.Errorf("%d %v", n, limited)
	}
	if _, ok := again.Take(noon.Add(time.Hour), 1); !ok {
		t.Error("it is over")
	}
}

func FuzzRestore(f *testing.F) {
	c := NewCounter(Limit{N: 3, Per: time.Hour})
	c.Take(noon, 2)
	f.Add(c.State())
	f.Add([]byte{})
	f.Add([]byte{0xbf, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := NewCounter(Limit{N: 3, Per: time.Hour}, Limit{N: 9, Per: 24 * time.Hour, Reset: &Reset{Location: time.UTC}})
		if err := c.Restore(noon, b); err != nil {
			if n, _ := c.Remaining(noon); n != 3 {
				t.Fatalf("what could not be read left %d", n)
			}
		}
		if _, ok := c.Take(noon.Add(1000*24*time.Hour), 1); ok {
			return
		}
	})
}

func BenchmarkTake(b *testing.B) {
	c := NewCounter(Limit{N: 1 << 40, Per: time.Second}, Limit{N: 1 << 40, Per: 24 * time.Hour})
	b.ReportAllocs()
	for i := range b.N {
		c.Take(noon.Add(time.Duration(i)*time.Millisecond), 1)
	}
}
