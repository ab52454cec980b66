package event

import "relaykeep/relay"

// Sink takes events. Emit does not block; it is safe for concurrent use.
type Sink interface{ Emit(relay.Event) }

// Fanout hands each event to all its sinks, in order. It must not be changed
// once it is in use.
type Fanout []Sink

// Emit implements Sink.
func (f Fanout) Emit(e relay.Event) {
	for _, s := range f {
		s.Emit(e)
	}
}
