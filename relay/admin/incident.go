package admin

import (
	"context"
	"fmt"
	"strconv"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Incident is an incident object. Its keys are a public contract.
type Incident struct {
	Number   int64              `json:"id"`
	Open     bool               `json:"open"`
	Kind     relay.IncidentKind `json:"kind"`
	Upstream string             `json:"upstream"` // "" where none is concerned
	Sender   string             `json:"sender"`   // of kind sender
	Detail   string             `json:"detail"`   // in words for people
	Verdict  *Verdict           `json:"verdict"`  // null where no answer of an upstream opened it
	OpenedAt Time               `json:"opened_at"`
	ClosedAt Time               `json:"closed_at"`
	ClosedBy string             `json:"closed_by"`
	Times    int                `json:"times"` // how often it was opened
	Held     int64              `json:"held"`  // recipients, counted up to spool.MaxHeldCount
}

// FromIncident makes the object of an incident.
func FromIncident(i relay.Incident) Incident {
	out := Incident{
		Number: i.Number, Open: i.Open(), Kind: i.Kind, Upstream: i.Upstream, Sender: i.Sender, Detail: valid(i.Detail),
		OpenedAt: Time{i.OpenedAt}, ClosedAt: Time{i.ClosedAt}, ClosedBy: i.ClosedBy, Times: i.Times, Held: i.Held,
	}
	if i.Verdict != (relay.Verdict{}) {
		v := FromVerdict(i.Verdict)
		out.Verdict = &v
	}
	return out
}

// Incidents gives the incidents by number; see Queue.
func (l *Local) Incidents(ctx context.Context, all bool) ([]Incident, error) {
	found, err := l.store.Incidents(ctx, all)
	if err != nil {
		return nil, err
	}
	out := make([]Incident, len(found))
	for i := range found {
		out[i] = FromIncident(found[i])
	}
	return out, nil
}

// Incident gives one incident; see Queue.
func (l *Local) Incident(ctx context.Context, number int64) (Incident, error) {
	all, err := l.Incidents(ctx, true)
	if err != nil {
		return Incident{}, err
	}
	for _, i := range all {
		if i.Number == number {
			return i, nil
		}
	}
	return Incident{}, noIncident(number)
}

// ParseIncident reads the number of an incident.
func ParseIncident(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of an incident; write one like 3", s)
	}
	return n, nil
}

// noIncidentError says that there is no incident of a number.
type noIncidentError int64

func noIncident(number int64) error { return noIncidentError(number) }

func (e noIncidentError) Error() string { return fmt.Sprintf("there is no incident %d", int64(e)) }

func (noIncidentError) Is(target error) bool { return target == spool.ErrNotFound }
