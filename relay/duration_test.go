package relay

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "10m": 10 * time.Minute, "4h": 4 * time.Hour, "5d": 5 * 24 * time.Hour, "1h30m": 90 * time.Minute,
		"1d2h3m4s5ms": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond,
		"0s":          0, "36500d": MaxDuration, "007s": 7 * time.Second, "250ms": 250 * time.Millisecond,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": errDuration, "s": errDuration, "30 s": errDuration, "1m1h": errDuration, "1h1h": errDuration, "1.5h": errDuration,
		"-1s": errDuration, "1y": errDuration, "1s ": errDuration, "1h30": errDuration, "30": errDurationUnit,
		"36501d": errDurationLong, "36500d1s": errDurationLong, "9223372036854775807s": errDurationLong,
		"99999999999999999999999s": errDurationLong,
	} {
		if got, err := ParseDuration(in); err != want || got != 0 {
			t.Errorf("%q is %v, %v; want error %v", in, got, err, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"30s", "1h30m", "36500d", "", "-1", "9223372036854775808s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDuration(s); d < 0 || d > MaxDuration || err != nil && d != 0 {
			t.Errorf("%v, %v", d, err)
		}
	})
}
