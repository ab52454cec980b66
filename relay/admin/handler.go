package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
	"relaykeep/spool"
)

// handler answers requests with what a queue and a control say.
type handler struct {
	queue   Queue
	version Version
	log     hclog.Logger
	control Control
	actor   Actor
	sink    Sink
	reload  func(ctx context.Context, by string) (Reloaded, error) // nil: it cannot be done
	repairs func() []Repair                                        // nil: nothing is known
	alive   context.Context                                        // ends when the server has stopped
	keeper  Keeper
	running context.Context // ends when the server is told to stop
	status  func(context.Context) (Status, error)
	events  *Events
}

func (h *handler) mux() http.Handler {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]http.HandlerFunc{
		"/v1/version":           h.getVersion,
		"/v1/messages":          h.list,
		"/v1/messages/{id}":     h.get,
		"/v1/messages/{id}/raw": h.raw,
		"/v1/stats":             h.stats,
		"/v1/incidents":         h.incidents,
		"/v1/incidents/{id}":    h.incident,
	} {
		handle(mux, http.MethodGet, pattern, answer)
	}
	if h.status != nil {
		handle(mux, http.MethodGet, "/v1/status", h.getStatus)
	}
	if h.events != nil {
		handle(mux, http.MethodGet, "/v1/events", h.watch)
	}
	if h.control != nil {
		handle(mux, http.MethodGet, "/v1/upstreams", h.upstreams)
		for pattern, answer := range map[string]http.HandlerFunc{
			"/v1/upstreams/{name}/probe":  h.probe,
			"/v1/upstreams/{name}/pause":  h.pause,
			"/v1/upstreams/{name}/resume": h.resume,
			"/v1/incidents/{id}/resolve":  h.resolve,
		} {
			handle(mux, http.MethodPost, pattern, answer)
		}
	}
	if h.keeper != nil {
		handle(mux, http.MethodGet, "/v1/spool/backup", h.backup)
		handle(mux, http.MethodGet, "/v1/spool/verify", h.check)
	}
	if h.reload != nil {
		handle(mux, http.MethodPost, "/v1/reload", h.reloadConfig)
	}
	if h.actor != nil {
		mux.HandleFunc("POST /v1/messages/{action}", h.act)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "there is nothing here; see the documentation of the admin API")
	})
	return mux
}

// handle registers the one method that a pattern has.
func handle(mux *http.ServeMux, method, pattern string, answer http.HandlerFunc) {
	allow := method
	if method == http.MethodGet {
		allow = "GET, HEAD" // which ServeMux takes for it, too
	}
	mux.HandleFunc(method+" "+pattern, answer)
	mux.HandleFunc(pattern, wrongMethod(allow))
}

func wrongMethod(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		fail(w, http.StatusMethodNotAllowed, "wrong method; allowed here: "+allow)
	}
}

func (h *handler) getVersion(w http.ResponseWriter, _ *http.Request) { answer(w, h.version) }

func (h *handler) stats(w http.ResponseWriter, r *http.Request) {
	s, err := h.queue.Stats(r.Context())
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if h.repairs != nil {
		s.Repairs = h.repairs()
	}
	answer(w, s)
}

func (h *handler) get(w http.ResponseWriter, r *http.Request) {
	id, err := spool.ParseID(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	m, err := h.queue.Get(r.Context(), id)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	answer(w, m)
}

func (h *handler) raw(w http.ResponseWriter, r *http.Request) {
	id, err := spool.ParseID(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	body, err := h.queue.Raw(r.Context(), id)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer body.Close()
	// No Content-Length: damage shows only after the last byte, and must keep
	// the answer from looking whole.
	w.Header().Set("Content-Type", "message/rfc822")
	if r.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(newPacedWriter(w), body); err != nil {
		h.log.Warn("a message was not given out whole", "message", string(id), "error", err.Error())
		panic(http.ErrAbortHandler)
	}
}

func (h *handler) incidents(w http.ResponseWriter, r *http.Request) {
	all := r.URL.Query().Get("all")
	if all != "" && all != "0" && all != "1" {
		fail(w, http.StatusBadRequest, fmt.Sprintf("all %q is neither 0 nor 1", all))
		return
	}
	found, err := h.queue.Incidents(r.Context(), all == "1")
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	answerLines(w, found)
}

func (h *handler) incident(w http.ResponseWriter, r *http.Request) {
	number, err := ParseIncident(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	i, err := h.queue.Incident(r.Context(), number)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	answer(w, i)
}

// list streams message objects. What is found is sent soon, in pieces where
// much is found.
func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	f, err := ParseFilter(r.URL.Query(), time.Now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	if r.Method == http.MethodHead {
		return
	}
	out := newPacedWriter(w)
	lines := newEncoder(out)
	err = h.queue.List(r.Context(), f, func(m Message) error { return lines.Encode(m) })
	_ = out.renew(time.Now()) // an error here means that nobody listens any more
	switch {
	case err == nil || out.err != nil || r.Context().Err() != nil: // done, or nobody listens
	case out.started:
		h.log.Warn("a list broke off", "error", err.Error())
		_ = lines.Encode(failure{err.Error()})
	default:
		h.refuse(w, r, err)
	}
}

// refuse answers with an error of the queue.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, spool.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, ErrGone):
		status = http.StatusGone
	case errors.Is(err, spool.ErrClosed), errors.Is(err, spool.ErrFailed):
		status = http.StatusServiceUnavailable
	case errors.Is(err, relay.ErrBodyDamaged):
	default:
		h.log.Error("a request failed", "path", r.URL.Path, "error", err.Error())
	}
	fail(w, status, err.Error())
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = newEncoder(w).Encode(v) // an error here means that nobody listens any more
}

// answerLines answers with a value per line.
func answerLines[T any](w http.ResponseWriter, all []T) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := newEncoder(w)
	for i := range all {
		if lines.Encode(all[i]) != nil { // nobody listens any more
			return
		}
	}
}

func fail(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = newEncoder(w).Encode(failure{line})
}

func newEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}
