package rates

import (
	"testing"
	"time"

	"relaykeep/relay"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func (c *Counter) emit(at time.Time, kinds ...relay.EventKind) {
	for _, k := range kinds {
		c.Emit(relay.Event{Kind: k, At: at})
	}
}

func TestKinds(t *testing.T) {
	var c Counter
	c.emit(noon, relay.EventAccepted, relay.EventAccepted, relay.EventDelivered, relay.EventDeferred,
		relay.EventFailover, relay.EventBounced, relay.EventExpired, relay.EventHeld, relay.EventOperator)
	if got, want := c.Last(noon, time.Minute), (Tally{Accepted: 2, Delivered: 1, Deferred: 2, Failed: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestLast(t *testing.T) {
	for _, tt := range []struct {
		name   string
		later  time.Duration
		within time.Duration
		want   int64
	}{
		{"now", 0, time.Minute, 1},
		{"almost a minute ago", 59 * time.Second, time.Minute, 1},
		{"over the turn of the minute", 31 * time.Second, time.Minute, 1},
		{"more than a minute ago", 70 * time.Second, time.Minute, 0},
		{"almost an hour ago", 59*time.Minute + 49*time.Second, time.Hour, 1},
		{"forgotten", time.Hour, time.Hour, 0},
		{"forgotten long ago", 5000 * time.Hour, time.Hour, 0},
		{"more than there is", 59 * time.Minute, 1000 * time.Hour, 1},
		{"no time is this one", 0, 0, 1},
		{"the clock goes back a little", -time.Minute, time.Minute, 1},
		{"and for a day", -24 * time.Hour, time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Counter
			c.emit(noon, relay.EventAccepted)
			if got := c.Last(noon.Add(tt.later), tt.within).Accepted; got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// Everything counts once, however long the Counter runs.
func TestHours(t *testing.T) {
	var c Counter
	for m := range 200 {
		now := noon.Add(time.Duration(m) * time.Minute)
		c.emit(now, relay.EventAccepted)
		if got, want := c.Last(now, time.Hour).Accepted, int64(min(m+1, 60)); got != want {
			t.Fatalf("after %d minutes: %d, want %d", m, got, want)
		}
	}
}
