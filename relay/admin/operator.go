package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/user"
	"strconv"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// operator is who makes a request.
type operator struct {
	name string // of the user; "uid 1000" where the machine has no name for it
	peer Peer
	ok   bool // the kernel told
}

func operatorOf(r *http.Request) operator {
	peer, ok := PeerOf(r)
	if !ok {
		return operator{name: "unknown"}
	}
	o := operator{name: fmt.Sprintf("uid %d", peer.UID), peer: peer, ok: true}
	if u, err := user.LookupId(strconv.FormatUint(uint64(peer.UID), 10)); err == nil {
		o.name = u.Username
	}
	return o
}

// String tells all that is known.
func (o operator) String() string {
	if !o.ok {
		return "somebody whom the kernel does not name"
	}
	return fmt.Sprintf("%s (uid %d, pid %d)", o.name, o.peer.UID, o.peer.PID)
}

// tell says who did what, in an event of its own.
func (h *handler) tell(o operator, e relay.Event, format string, args ...any) {
	if h.sink == nil {
		return
	}
	e.Kind, e.At, e.User = relay.EventOperator, time.Now(), o.name
	e.Detail = o.String() + " " + fmt.Sprintf(format, args...)
	h.sink.Emit(e)
}

func (h *handler) upstreams(w http.ResponseWriter, _ *http.Request) {
	answerLines(w, h.control.Upstreams())
}

// named finds the upstream that a request names, or refuses the request.
func (h *handler) named(w http.ResponseWriter, r *http.Request) (Upstream, bool) {
	name := r.PathValue("name")
	all := h.control.Upstreams()
	var names []string
	for _, u := range all {
		if u.Name == name {
			return u, true
		}
		names = append(names, u.Name)
	}
	fail(w, http.StatusNotFound, fmt.Sprintf("there is no upstream %q; there are %s", name, strings.Join(names, ", ")))
	return Upstream{}, false
}

func (h *handler) pause(w http.ResponseWriter, r *http.Request) {
	h.switchUpstream(w, r, "paused", h.control.Pause, func(u Upstream) bool { return u.PausedBy == "" })
}

func (h *handler) resume(w http.ResponseWriter, r *http.Request) {
	h.switchUpstream(w, r, "resumed", h.control.Resume, func(u Upstream) bool { return u.PausedBy != "" })
}

// switchUpstream pauses or resumes an upstream where there is need to.
func (h *handler) switchUpstream(w http.ResponseWriter, r *http.Request, done string, do func(context.Context, string, string) error, needed func(Upstream) bool) {
	u, ok := h.named(w, r)
	if !ok {
		return
	}
	if !needed(u) {
		answer(w, Change{false, u})
		return
	}
	by := operatorOf(r)
	if err := do(r.Context(), u.Name, by.name); err != nil {
		h.refuse(w, r, err)
		return
	}
	h.tell(by, relay.Event{Upstream: u.Name}, "%s %s", done, u.Name)
	if u, ok = h.named(w, r); ok {
		answer(w, Change{true, u})
	}
}

func (h *handler) probe(w http.ResponseWriter, r *http.Request) {
	u, ok := h.named(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxProbe)
	defer cancel()
	v, err := h.control.Probe(ctx, u.Name)
	_ = newPacedWriter(w).renew(time.Now()) // an error here means that nobody listens any more
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	result := ProbeResult{Upstream: u.Name, OK: v.Class == relay.ClassDelivered, Verdict: FromVerdict(v)}
	outcome := "it works"
	if !result.OK {
		outcome = "it fails"
	}
	h.tell(operatorOf(r), relay.Event{Upstream: u.Name, Verdict: v}, "probed %s: %s", u.Name, outcome)
	answer(w, result)
}

// resolve is carried out whole once it has begun, whether or not the client
// waits for the answer.
func (h *handler) resolve(w http.ResponseWriter, r *http.Request) {
	number, err := ParseIncident(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	by := operatorOf(r)
	i, released, err := h.control.Resolve(h.alive, number, by.name)
	_ = newPacedWriter(w).renew(time.Now()) // an error here means that nobody listens any more
	if err == nil || released > 0 {
		h.tell(by, relay.Event{Incident: number, Upstream: i.Upstream}, "resolved incident %d, which released %d", number, released)
	}
	switch {
	case errors.Is(err, spool.ErrNotFound):
		h.notOpen(w, r, number)
	case err != nil:
		h.refuse(w, r, err)
	default:
		answer(w, Resolved{FromIncident(i), released})
	}
}

// notOpen says why an incident cannot be resolved.
func (h *handler) notOpen(w http.ResponseWriter, r *http.Request, number int64) {
	i, err := h.queue.Incident(r.Context(), number)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	fail(w, http.StatusConflict, fmt.Sprintf("incident %d is closed already, by %s at %s", number, i.ClosedBy, i.ClosedAt.UTC().Format(time.RFC3339)))
}
