package admin

import (
	"errors"
	"net/http"
	"sync"

	"relaykeep/relay"
)

const (
	// watchBacklog is how many events may wait for somebody who watches, which
	// is a few megabytes at most.
	watchBacklog = 4096
	maxWatchers  = 8
)

// LiveEvent is an event as it happens, with what its message would say. Its keys
// are a public contract.
type LiveEvent struct {
	Event
	Message   relay.ID `json:"message,omitempty"`
	MessageID string   `json:"message_id,omitempty"`
	From      *string  `json:"from,omitempty"` // with Message only; "" is the null sender
	Listener  string   `json:"listener,omitempty"`
	Client    string   `json:"client,omitempty"`
	User      string   `json:"user,omitempty"`
	Size      int64    `json:"size,omitempty"` // bytes
	Others    int      `json:"others,omitempty"`
	Route     string   `json:"route,omitempty"`
}

// FromEvent makes the object of an event that stands alone.
func FromEvent(e relay.Event) LiveEvent {
	out := LiveEvent{
		Event: fromEvent(e), Message: e.Message, MessageID: valid(e.MessageID),
		Listener: e.Listener, Client: e.Client, User: e.User, Size: e.Size, Others: e.Others, Route: e.Route,
	}
	if e.Message != "" {
		out.From = &e.From
	}
	return out
}

// Events hands each event to those who watch. The zero value is ready. It is
// safe for concurrent use.
type Events struct {
	mu       sync.Mutex
	watchers map[*watcher]bool
}

// watcher is somebody who watches. Its channel is closed when it was dropped for
// not keeping up.
type watcher struct{ events chan relay.Event }

// errManyWatch: see maxWatchers.
var errManyWatch = errors.New("too many watch already: end another spool watch")

// Emit hands an event on. It never blocks: whoever has fallen behind is dropped.
func (s *Events) Emit(e relay.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		select {
		case w.events <- e:
		default:
			delete(s.watchers, w)
			close(w.events)
		}
	}
}

// join adds a watcher. The caller calls leave.
func (s *Events) join() (*watcher, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.watchers) >= maxWatchers {
		return nil, errManyWatch
	}
	if s.watchers == nil {
		s.watchers = make(map[*watcher]bool)
	}
	w := &watcher{make(chan relay.Event, watchBacklog)}
	s.watchers[w] = true
	return w, nil
}

func (s *Events) leave(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers, w)
}

// watch streams events as they happen, until the client has enough, cannot keep
// up, or the server stops.
func (h *handler) watch(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	if r.Method == http.MethodHead {
		return
	}
	me, err := h.events.join()
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	defer h.events.leave(me)
	out := newPacedWriter(w)
	lines := newEncoder(out)
	if out.flush() != nil { // the client knows now that nothing escapes it
		return
	}
	for {
		select {
		case e, ok := <-me.events:
			switch {
			case !ok:
				_ = lines.Encode(failure{"events came faster than they were read: watching ended, the daemon went on"})
				return
			case lines.Encode(FromEvent(e)) != nil, len(me.events) == 0 && out.flush() != nil:
				return // nobody listens any more
			}
		case <-r.Context().Done():
			return
		case <-h.running.Done():
			return
		}
	}
}
