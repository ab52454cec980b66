package delivery

import (
	"sync"
	"time"

	"relaykeep/relay"
)

// incident is a trouble that people have to look at.
type incident struct {
	// key names the cause: it is told once in the life of a Scheduler. An
	// incident without a key is told each time.
	key      string
	bySender bool // the sender is a part of the cause
	detail   string
}

// maxIncidents bounds how many causes are remembered.
const maxIncidents = 4096

// incidents are the causes that were told.
type incidents struct {
	mu   sync.Mutex
	told map[string]struct{}
}

// isNew reports whether i is to be told, which it then has been.
func (in *incidents) isNew(i incident, sender string) bool {
	if i.key == "" {
		return true
	}
	key := i.key
	if i.bySender {
		key += " " + sender
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if _, ok := in.told[key]; ok {
		return false
	}
	if in.told == nil || len(in.told) >= maxIncidents {
		in.told = make(map[string]struct{})
	}
	in.told[key] = struct{}{}
	return true
}

// openIncident tells of an incident that belongs to no settlement; e says what
// it is about.
func (s *Scheduler) openIncident(e relay.Event, i incident) {
	if !s.incidents.isNew(i, e.From) {
		return
	}
	e.Kind, e.At, e.Detail = relay.EventIncidentOpened, time.Now(), i.detail
	s.Sink.Emit(e)
}
