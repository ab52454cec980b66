package retry

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	s = time.Second
	m = time.Minute
	h = time.Hour
)

// TestBase checks the growth of each kind of backoff, without jitter.
func TestBase(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy Policy
		want   []time.Duration
	}{
		{"exponential", Policy{Initial: m, Factor: 2, Max: h}, []time.Duration{m, 2 * m, 4 * m, 8 * m, 16 * m, 32 * m, h, h}},
		{"exponential by 1.5", Policy{Initial: 10 * s, Factor: 1.5, Max: m}, []time.Duration{10 * s, 15 * s, 22500 * time.Millisecond, 33750 * time.Millisecond, 50625 * time.Millisecond, m, m}},
		{"factor 1", Policy{Initial: m, Factor: 1, Max: h}, []time.Duration{m, m, m}},
		{"fibonacci", Policy{Backoff: Fibonacci, Initial: m, Max: h}, []time.Duration{m, 2 * m, 3 * m, 5 * m, 8 * m, 13 * m, 21 * m, 34 * m, 55 * m, h, h}},
		{"fibonacci from max", Policy{Backoff: Fibonacci, Initial: h, Max: h}, []time.Duration{h, h}},
		{"fixed", Policy{Backoff: Fixed, Initial: 5 * m, Max: h}, []time.Duration{5 * m, 5 * m, 5 * m}},
		{"list", Policy{Backoff: List, Schedule: []time.Duration{m, 5 * m, 30 * m}, Max: h}, []time.Duration{m, 5 * m, 30 * m, 30 * m, 30 * m}},
		{"list beyond max", Policy{Backoff: List, Schedule: []time.Duration{m, 2 * h}, Max: h}, []time.Duration{m, h, h}},
		{"empty list", Policy{Backoff: List, Initial: m, Max: h}, []time.Duration{m, m}},
		{"initial beyond max", Policy{Initial: 2 * h, Factor: 2, Max: h}, []time.Duration{h, h}},
		{"nothing set", Policy{}, []time.Duration{0, 0}},
		{"negative", Policy{Backoff: Fixed, Initial: -m, Max: h}, []time.Duration{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []time.Duration
			for i := range tt.want {
				d, ok := tt.policy.Delay(i+1, 0.5)
				if !ok {
					t.Fatalf("Delay(%d): no further attempt", i+1)
				}
				got = append(got, d)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestJitter(t *testing.T) {
	p := usual()
	for _, tt := range []struct {
		attempts int
		random   float64
		want     time.Duration
	}{
		{0, 0.5, m}, // no attempt yet: as after one
		{-7, 0.5, m},
		{1, 0, 48 * s},
		{1, 0.5, m},
		{1, 0.75, 66 * s},
		{7, 0, 48 * m}, // at Max the range is [0.8 h, 1 h]
		{7, 0.5, 54 * m},
		{7, 1, h},
		{7, 17, h}, // out of range: the nearest that is in it
		{7, -17, 48 * m},
		{1, math.NaN(), 48 * s},
	} {
		got, ok := p.Delay(tt.attempts, tt.random)
		if !ok || (got-tt.want).Abs() > time.Microsecond {
			t.Errorf("Delay(%d, %v) = %v, %v, want %v", tt.attempts, tt.random, got, ok, tt.want)
		}
	}
}

func TestMaxAttempts(t *testing.T) {
	p := usual()
	p.MaxAttempts = 3
	for attempts, want := range []bool{true, true, true, false, false} {
		if _, ok := p.Delay(attempts, 0); ok != want {
			t.Errorf("Delay(%d) allows another attempt: %v, want %v", attempts, ok, want)
		}
	}
	if _, ok := p.Delay(math.MaxInt, 0); ok {
		t.Error("Delay(MaxInt) allows another attempt")
	}
	if _, ok := usual().Delay(math.MaxInt, 0); !ok {
		t.Error("without a limit there is always another attempt")
	}
}

// TestDelayBounds holds for every policy, valid or not.
func TestDelayBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		duration := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.Int64().Draw(t, "ns")) })
		p := Policy{
			Backoff:     Backoff(rapid.Uint8Range(0, 5).Draw(t, "backoff")),
			Initial:     duration.Draw(t, "initial"),
			Factor:      rapid.Float64().Draw(t, "factor"),
			Max:         duration.Draw(t, "max"),
			Jitter:      rapid.Float64().Draw(t, "jitter"),
			Schedule:    rapid.SliceOfN(duration, 0, 4).Draw(t, "schedule"),
			MaxAttempts: rapid.Int().Draw(t, "max attempts"),
		}
		attempts := rapid.Int().Draw(t, "attempts")
		d, ok := p.Delay(attempts, rapid.Float64().Draw(t, "random"))
		if d < 0 || d > max(p.Max, 0) {
			t.Fatalf("delay %v is out of [0, %v]", d, p.Max)
		}
		if limited := p.MaxAttempts > 0 && attempts >= p.MaxAttempts; ok == limited {
			t.Fatalf("another attempt: %v after %d of %d", ok, attempts, p.MaxAttempts)
		}
	})
}

// TestDelayGrows holds for every valid policy: delays are within the jitter of
// a base that never shrinks, and the base is reached from above zero.
func TestDelayGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		initial := rapid.Int64Range(1, int64(30*24*h)).Draw(t, "initial")
		p := Policy{
			Backoff: Backoff(rapid.Uint8Range(0, 2).Draw(t, "backoff")),
			Initial: time.Duration(initial),
			Factor:  rapid.Float64Range(1, 10).Draw(t, "factor"),
			Max:     time.Duration(rapid.Int64Range(initial, math.MaxInt64).Draw(t, "max")),
			Jitter:  rapid.Float64Range(0, 1).Draw(t, "jitter"),
			Expire:  5 * 24 * h,
		}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		attempts := rapid.IntRange(1, 200).Draw(t, "attempts")
		base, next := p.base(attempts), p.base(attempts+1)
		if base <= 0 || next < base {
			t.Fatalf("base delays %v, %v", base, next)
		}
		d, _ := p.Delay(attempts, rapid.Float64Range(0, 0.999999).Draw(t, "random"))
		// 1 µs and 1 part in 10^12 for the rounding of float64
		slack := 1000 + float64(base)*1e-12
		low, high := float64(base)*(1-p.Jitter)-slack, float64(base)*(1+p.Jitter)+slack
		if float64(d) < low || float64(d) > high {
			t.Fatalf("delay %v is not within %v of %v", d, p.Jitter, base)
		}
	})
}

func TestValidate(t *testing.T) {
	if err := usual().Validate(); err != nil {
		t.Errorf("the default policy: %v", err)
	}
	for _, tt := range []struct {
		field  string
		change func(*Policy)
	}{
		{"backoff", func(p *Policy) { p.Backoff = 4 }},
		{"initial", func(p *Policy) { p.Initial = 0 }},
		{"initial", func(p *Policy) { p.Initial = 2 * h }},
		{"factor", func(p *Policy) { p.Factor = 0.9 }},
		{"factor", func(p *Policy) { p.Factor = math.NaN() }},
		{"factor", func(p *Policy) { p.Factor = math.Inf(1) }},
		{"max", func(p *Policy) { p.Max = 0 }},
		{"jitter", func(p *Policy) { p.Jitter = -0.1 }},
		{"jitter", func(p *Policy) { p.Jitter = 1.1 }},
		{"jitter", func(p *Policy) { p.Jitter = math.NaN() }},
		{"max_attempts", func(p *Policy) { p.MaxAttempts = -1 }},
		{"expire", func(p *Policy) { p.Expire = 0 }},
		{"schedule", func(p *Policy) { p.Backoff = List }},
		{"schedule", func(p *Policy) { p.Backoff = List; p.Schedule = []time.Duration{m, 0} }},
		{"schedule", func(p *Policy) { p.Backoff = List; p.Schedule = []time.Duration{m, 2 * h} }},
	} {
		p := usual()
		tt.change(&p)
		var fault *FieldError
		if err := p.Validate(); !errors.As(err, &fault) || fault.Field != tt.field {
			t.Errorf("%+v: %v, want a fault of %s", p, err, tt.field)
		}
	}
}

func TestBackoffNames(t *testing.T) {
	for b := Exponential; b <= List; b++ {
		text, _ := b.MarshalText()
		var back Backoff
		if err := back.UnmarshalText(text); err != nil || back != b {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
	var b Backoff
	if err := b.UnmarshalText([]byte("linear")); err == nil {
		t.Error("an unknown backoff was read")
	}
	if got := Backoff(9).String(); got != "unknown(9)" {
		t.Error(got)
	}
}

// usual is the policy of a configuration that names none.
func usual() Policy {
	return Policy{Backoff: Exponential, Initial: time.Minute, Factor: 2, Max: time.Hour, Jitter: 0.2, Expire: 5 * 24 * time.Hour}
}
