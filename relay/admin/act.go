package admin

import (
	"errors"
	"net/http"
	"time"

	"relaykeep/relay"
)

// act does to mail what an operator wants. It is carried out whole once it has
// begun, whether or not the client waits for the answer.
func (h *handler) act(w http.ResponseWriter, r *http.Request) {
	f, err := ParseFilter(r.URL.Query(), time.Now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	by, action := operatorOf(r), r.PathValue("action")
	done, err := h.actor.Act(h.alive, action, f, by.String())
	_ = newPacedWriter(w).renew(time.Now()) // an error here means that nobody listens any more
	if done.Recipients > 0 {
		h.tell(by, relay.Event{}, "did %s to %d recipients of %d messages", action, done.Recipients, done.Messages)
	}
	switch {
	case errors.Is(err, ErrNoAction):
		fail(w, http.StatusNotFound, err.Error())
	case err != nil:
		h.refuse(w, r, err)
	default:
		answer(w, done)
	}
}
