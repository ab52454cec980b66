package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"relaykeep/relay"
)

// keptVersion is the first byte of what the spool keeps for a lane; the rest
// is a kept in JSON.
const keptVersion = 1

// kept is what a lane must know after a restart.
type kept struct {
	PausedBy string        `json:"paused_by,omitempty"`
	Until    time.Time     `json:"until,omitzero"`    // of a breaker that was open
	Cooldown time.Duration `json:"cooldown,omitzero"` // likewise
	Quota    []byte        `json:"quota,omitempty"`   // of the Meter
	Pace     []byte        `json:"pace,omitempty"`    // of the Pace
	Pause    time.Time     `json:"pause,omitzero"`    // asked to slow down: nothing is claimed until then
	Away     bool          `json:"away,omitempty"`    // its mail is for others meanwhile
	Shape    shape         `json:"shape,omitzero"`
}

// stateBytes is what is to be kept of the lane now. It takes l.mu.
func (l *lane) stateBytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := kept{PausedBy: l.pausedBy, Shape: l.shape.at(time.Now()), Pace: l.Pace.State()}
	if time.Now().Before(l.pause) {
		k.Pause, k.Away = l.pause, l.away
	}
	if l.breaker.state != BreakerClosed {
		k.Until, k.Cooldown = l.breaker.until, l.breaker.cooldown
	}
	if l.Quota != nil {
		k.Quota = l.Quota.State()
	}
	enc, err := json.Marshal(k)
	if err != nil { // there is nothing in it that could fail
		return nil
	}
	return append([]byte{keptVersion}, enc...)
}

// settledState is stateBytes for a settlement; nil where attempts change nothing
// that is to be kept. It is that of the heir of a retired lane.
func (l *lane) settledState() []byte {
	if l = l.heir(); l == nil {
		return nil
	}
	l.mu.Lock()
	// From the first time on, so that what is over is not left to be found.
	l.keeps = l.keeps || l.Pace.State() != nil
	keeps := l.keeps
	l.mu.Unlock()
	if !keeps {
		return nil
	}
	return l.stateBytes()
}

// keep stores the state of the lane.
func (l *lane) keep(ctx context.Context) error {
	return l.s.Spool.KeepLaneState(ctx, l.Name, l.stateBytes())
}

// loadKept takes over the state that an earlier process kept.
func (l *lane) loadKept(ctx context.Context) error {
	state, err := l.s.Spool.LaneState(ctx, l.Name)
	if err == nil && len(state) > 0 {
		err = l.takeOver(state)
	}
	if err != nil {
		return fmt.Errorf("the state of upstream %s: %w", l.Name, err)
	}
	return nil
}

func (l *lane) takeOver(state []byte) error {
	if state[0] != keptVersion {
		return fmt.Errorf("it is of version %d, which this program does not know", state[0])
	}
	var k kept
	if err := json.Unmarshal(state[1:], &k); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pausedBy = k.PausedBy
	l.before = k
	if len(k.Pace) > 0 {
		// Without it the upstream says again that it is asked too much.
		_ = l.Pace.Restore(time.Now(), k.Pace)
	}
	if !k.Pause.After(time.Now().Add(maxPause)) { // else the clock was wrong
		l.pause, l.away = k.Pause, k.Away
	}
	l.shape = k.Shape.at(time.Now())
	l.keeps = l.keeps || l.shape != (shape{}) || len(k.Pace) > 0
	if l.Quota != nil && len(k.Quota) > 0 {
		// A count that cannot be read is a count that begins anew: the
		// upstream will say so itself when it has enough.
		_ = l.Quota.Restore(time.Now(), k.Quota)
	}
	l.turn()
	return nil
}

// restore disables the lane as the incident of an earlier process says, with
// the cool-down that it had come to.
func (l *lane) restore(i *relay.Incident, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch i.Kind {
	case relay.IncidentUpstream:
		l.incident = i.Number
	case relay.IncidentQuota:
		l.quotaIncident = i.Number
	}
	if i.Kind == relay.IncidentUpstream || isQuota(i.Verdict) {
		l.breaker.restore(now, i.Verdict, l.before)
		l.toldGen = l.breaker.gen
	}
	l.turn()
}
