package rates

import (
	"testing"
	"time"

	"relaykeep/relay"
)

var noon = time.Date(2026, 11, 24, 12, 0, 30, 0, time.UTC)

func (c *Counter) emit(at time.Time, kinds ...relay.EventKind) {
	for _, k := range kinds {
		c.Emit(relay.Event{Kind: k, At: at})
	}
}

func TestKinds(t *testing.T) {
	var c Counter
	c.emit(noon, relay.EventAccepted, relay.EventAccepted, relay.EventDelivered, relay.EventDeferred,
		relay.EventFailover, relay.EventBounced, relay.EventExpired, relay.EventHeld, relay.EventOperator)
	if got, want := c.Last(noon, 1), (Tally{Accepted: 2, Delivered: 1, Deferred: 2, Failed: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMinutes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		later time.Duration
		n     int
		want  int64
	}{
		{"this minute", 0, 1, 1},
		{"the next one is another", time.Minute, 1, 0},
		{"two of them", time.Minute, 2, 1},
		{"the last that is remembered", 59 * time.Minute, 60, 1},
		{"forgotten", 60 * time.Minute, 60, 0},
		{"forgotten long ago", 5000 * time.Hour, 60, 0},
		{"more than there are", 59 * time.Minute, 1000, 1},
		{"none is one", 0, 0, 1},
		{"the clock goes back a little", -time.Minute, 1, 1},
		{"and for a day", -24 * time.Hour, 60, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Counter
			c.emit(noon, relay.EventAccepted)
			if got := c.Last(noon.Add(tt.later), tt.n).Accepted; got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// Every minute counts once, however long the Counter runs.
func TestHours(t *testing.T) {
	var c Counter
	for m := range 200 {
		c.emit(noon.Add(time.Duration(m)*time.Minute), relay.EventAccepted)
		if got, want := c.Last(noon.Add(time.Duration(m)*time.Minute), 60).Accepted, int64(min(m+1, 60)); got != want {
			t.Fatalf("after %d minutes: %d, want %d", m, got, want)
		}
	}
}
