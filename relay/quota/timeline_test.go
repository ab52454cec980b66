package quota

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := timeline{}
		if d := line.pass(time.Now()); d != 0 {
			t.Errorf("the first time: %v", d)
		}
		for range 3 {
			<-time.After(time.Minute)
			if d := line.pass(time.Now()); d != time.Minute {
				t.Errorf("%v passed, want a minute", d)
			}
		}
	})
}

func TestTimelineNeverGoesBack(t *testing.T) {
	line := timeline{last: noon}
	for _, step := range []struct {
		now, want time.Duration
	}{
		{time.Minute, time.Minute},
		{time.Minute - reorder, 0}, // in the wrong order
		{time.Minute + 1, 1},
		{-time.Hour, 0}, // put back
		{0, time.Hour},
	} {
		if got := line.pass(noon.Add(step.now)); got != step.want {
			t.Errorf("at %v: %v passed, want %v", step.now, got, step.want)
		}
	}
}

// However late a caller is with a time of time.Now, none of it passes twice.
func TestTimelineMonotonic(t *testing.T) {
	start := time.Now()
	line := timeline{last: start}
	for _, step := range []struct{ now, want time.Duration }{
		{time.Hour, time.Hour},
		{time.Minute, 0},
		{time.Hour, 0},
		{2 * time.Hour, time.Hour},
	} {
		if got := line.pass(start.Add(step.now)); got != step.want {
			t.Errorf("at %v: %v passed, want %v", step.now, got, step.want)
		}
	}
}
