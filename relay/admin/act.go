package admin

import (
	"errors"
	"net/http"
	"time"

	"relaykeep/relay"
)

// redirectTo is the parameter beside the filters that says where mail goes.
const redirectTo = "redirect_to"

// act does to mail what an operator wants. It is carried out whole once it has
// begun, whether or not the client waits for the answer.
func (h *handler) act(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	order := Order{Action: r.PathValue("action"), To: q.Get(redirectTo)}
	q.Del(redirectTo)
	f, err := ParseFilter(q, time.Now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	by := operatorOf(r)
	done, err := h.actor.Act(h.alive, order, f, by.String())
	_ = newPacedWriter(w).renew(time.Now()) // an error here means that nobody listens any more
	if done.Recipients > 0 {
		h.tell(by, relay.Event{}, "did %s to %d recipients of %d messages", order.Action, done.Recipients, done.Messages)
	}
	switch {
	case errors.Is(err, ErrNoAction):
		fail(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ErrBadOrder):
		fail(w, http.StatusBadRequest, err.Error())
	case err != nil:
		h.refuse(w, r, err)
	default:
		answer(w, done)
	}
}
