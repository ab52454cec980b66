package quota

import (
	"testing"
	"time"
)

func reset(t *testing.T, s string) *Reset {
	t.Helper()
	r, err := ParseReset(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	if again := r.String(); again != s {
		t.Fatalf("%q is written as %q", s, again)
	}
	return &r
}

func TestParseResetRefuses(t *testing.T) {
	for _, s := range []string{
		"", " ", "00:00", "00:00 ", "0:00 UTC", "24:00 UTC", "00:60 UTC", "-1:00 UTC", "noon UTC",
		"00:00 Nowhere/Land", "00:00  UTC", "00:00 ../etc/passwd", "00:00 UTC ", "00:00:00 UTC",
	} {
		if r, err := ParseReset(s); err == nil {
			t.Errorf("%q is read as %v", s, r)
		}
	}
}

func FuzzParseReset(f *testing.F) {
	f.Add("00:00 Asia/Shanghai")
	f.Add("23:59 UTC")
	f.Add("99:99 Europe/Berlin")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReset(s)
		if err != nil {
			return
		}
		start, end := r.period(noon)
		if start.After(noon) || !end.After(noon) || end.Sub(start) > 26*time.Hour {
			t.Fatalf("from %v to %v", start, end)
		}
		if again, err := ParseReset(r.String()); err != nil || again.String() != r.String() {
			t.Fatalf("%q is written as %q", s, r)
		}
	})
}

// Days of 23 and 25 hours, times that a day has not or has twice, and a day
// that a zone left out.
func TestPeriod(t *testing.T) {
	for _, tt := range []struct{ name, reset, now, start, end string }{
		{"plain", "00:00 Asia/Shanghai", "2026-11-24T12:00:00Z", "2026-11-23T16:00:00Z", "2026-11-24T16:00:00Z"},
		{"at the reset", "12:00 UTC", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z"},
		{"just before", "12:00 UTC", "2026-11-24T11:59:59Z", "2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"},
		{"no zone", "23:30 UTC", "2026-12-31T23:45:00Z", "2026-12-31T23:30:00Z", "2027-01-01T23:30:00Z"},
		{"23 hours", "00:00 Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"25 hours", "00:00 Europe/Berlin", "2026-10-25T10:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"no such time", "02:30 Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"},
		{"not the first of two", "02:30 Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-24T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"the second of two", "02:30 Europe/Berlin", "2026-10-25T01:45:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		{"a day left out", "08:00 Pacific/Apia", "2011-12-31T12:00:00Z", "2011-12-30T18:00:00Z", "2011-12-31T18:00:00Z"},
		{"half an hour off", "00:00 Asia/Kolkata", "2026-11-24T12:00:00Z", "2026-11-23T18:30:00Z", "2026-11-24T18:30:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			start, end := reset(t, tt.reset).period(now)
			if got := start.UTC().Format(time.RFC3339); got != tt.start {
				t.Errorf("start %s, want %s", got, tt.start)
			}
			if got := end.UTC().Format(time.RFC3339); got != tt.end {
				t.Errorf("end %s, want %s", got, tt.end)
			}
		})
	}
}

// Each moment of years is in a period of 22 to 26 hours, which the next one
// follows without a gap.
func TestPeriodsMeet(t *testing.T) {
	for _, s := range []string{"00:00 Europe/Berlin", "02:30 Europe/Berlin", "02:00 America/New_York", "00:00 Australia/Lord_Howe", "00:00 America/Santiago"} {
		r := reset(t, s)
		start, end := r.period(noon)
		for range 800 {
			if d := end.Sub(start); d < 22*time.Hour || d > 26*time.Hour {
				t.Fatalf("%s: from %v to %v", s, start, end)
			}
			if a, b := r.period(end.Add(-1)); !a.Equal(start) || !b.Equal(end) {
				t.Fatalf("%s: the last moment before %v is in %v to %v", s, end, a, b)
			}
			next, after := r.period(end)
			if !next.Equal(end) {
				t.Fatalf("%s: after %v comes %v", s, end, next)
			}
			start, end = next, after
		}
	}
}

func TestReset(t *testing.T) {
	c := counterOf(Limit{N: 5, Per: day, Reset: reset(t, "00:00 Asia/Shanghai")})
	midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
	mustTake(t, c, noon, 3)
	mustTake(t, c, midnight.Add(-time.Second), 2)
	if wait, ok := c.Take(midnight.Add(-time.Second), 1); ok || wait != time.Second {
		t.Fatalf("%v, %v", wait, ok)
	}
	wantLeft(t, c, midnight, 5)
	mustTake(t, c, midnight, 4)
	c.Return(noon, 3) // of a day that is over
	wantLeft(t, c, midnight, 1)
	c.Return(midnight, 1)
	wantLeft(t, c, midnight, 2)
}

// A clock that was put past the reset by mistake, and back, loses no count.
func TestResetByMistake(t *testing.T) {
	c := counterOf(Limit{N: 5, Per: day, Reset: &Reset{}})
	mustTake(t, c, noon, 3)
	mustTake(t, c, noon.Add(day), 1)
	wantLeft(t, c, noon.Add(time.Minute), 1)
	wantLeft(t, c, noon.Add(day), 5)
}

// A caller that is late with its time changes no day.
func TestResetInTheWrongOrder(t *testing.T) {
	c := counterOf(Limit{N: 5, Per: day, Reset: &Reset{Hour: 13}})
	mustTake(t, c, noon, 3)
	mustTake(t, c, noon.Add(time.Hour), 1)
	wantLeft(t, c, noon.Add(time.Hour-time.Millisecond), 4)
	wantLeft(t, c, noon.Add(time.Hour), 4)
}

func TestResetOutOfRange(t *testing.T) {
	for _, r := range []Reset{{Hour: 1 << 40}, {Hour: -1 << 40, Minute: 77}} {
		c := counterOf(Limit{N: 1, Per: day, Reset: &r})
		mustTake(t, c, noon, 1)
		if wait, ok := c.Take(noon, 1); ok || wait <= 0 || wait > day {
			t.Errorf("%v: %v, %v", r, wait, ok)
		}
	}
}
