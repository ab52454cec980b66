package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"relaykeep/relay"
)

// Reloaded is the answer to a reload. Its keys are a public contract.
type Reloaded struct {
	Changes  []string     `json:"changes"` // in words, a line each; never null
	Restart  []string     `json:"restart"` // what stays as it is before a restart; never null
	Warnings []Diagnostic `json:"warnings"`
}

// Diagnostic is one thing to say about a configuration.
type Diagnostic struct {
	Severity string `json:"severity"` // "error" or "warning"
	File     string `json:"file"`
	Line     int    `json:"line"` // 0: the file as a whole
	Summary  string `json:"summary"`
}

// Refused says why a configuration was not loaded: the old one lives on.
type Refused struct {
	Line        string       // in one line
	Diagnostics []Diagnostic // the errors, with the warnings
}

// Error gives the line.
func (r *Refused) Error() string { return r.Line }

// refusal is how a Refused is answered.
type refusal struct {
	Error       string       `json:"error"`
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`
}

// maxReload bounds a reload: keys may be on a slow disk, and a name may have to
// be resolved.
const maxReload = time.Minute

// reloadConfig is carried out whole once it has begun, whether or not the client
// waits for the answer.
func (h *handler) reloadConfig(w http.ResponseWriter, r *http.Request) {
	by := operatorOf(r)
	ctx, cancel := context.WithTimeout(h.alive, maxReload)
	defer cancel()
	done, err := h.reload(ctx, by.name)
	_ = newPacedWriter(w).renew(time.Now()) // an error here means that nobody listens any more
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		h.tell(by, relay.Event{}, "wanted to reload, and the configuration was refused")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = newEncoder(w).Encode(refusal{refused.Line, refused.Diagnostics})
	case err != nil:
		h.tell(by, relay.Event{}, "wanted to reload, which failed")
		h.refuse(w, r, err)
	default:
		h.tell(by, relay.Event{}, "reloaded the configuration")
		answer(w, done)
	}
}

// Reload has the daemon read its configuration again. The error is a *Refused
// where that is at fault.
func (c *Client) Reload(ctx context.Context) (done Reloaded, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxReload+answerTimeout)
	defer cancel()
	err = c.value(ctx, http.MethodPost, "/v1/reload", &done)
	var said *APIError
	if errors.As(err, &said) && said.Status == http.StatusUnprocessableEntity {
		err = &Refused{Line: said.Line, Diagnostics: said.Diagnostics}
	}
	return done, err
}
