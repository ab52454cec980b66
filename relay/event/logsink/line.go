package logsink

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
)

// writer makes lines of events. One goroutine uses it.
type writer struct {
	log  hclog.Logger
	mask masker
	args []any // of the line at hand: kept for its memory
}

// write logs one event.
func (w *writer) write(e relay.Event) {
	level := levelOf(e.Kind)
	if level < w.log.GetLevel() {
		return
	}
	w.args = w.args[:0]
	// The event's own time, not that of its writing: hclog lets a field stand
	// for its own.
	w.add("@timestamp", e.At.UTC().Format(hclog.TimeFormatJSON))
	w.add("event", string(e.Kind))
	w.message(&e)
	w.attempt(&e)
	w.log.Log(level, w.sentence(&e), w.args...)
	clear(w.args)
}

// lost logs how many events were dropped.
func (w *writer) lost(n uint64) {
	w.log.Warn("log lines were dropped: the log reader was too slow", "lost", n)
}

func (w *writer) add(key string, value any) { w.args = append(w.args, key, value) }

// text adds a text that is not an address.
func (w *writer) text(key, value string) {
	if value != "" {
		w.add(key, clean(value))
	}
}

// prose adds a text in which addresses may occur.
func (w *writer) prose(key, value string, e *relay.Event) {
	if value != "" {
		w.add(key, w.mask.prose(clean(value), e.From, e.To))
	}
}

func (w *writer) number(key string, n int64) {
	if n != 0 {
		w.add(key, n)
	}
}

func (w *writer) millis(key string, d time.Duration) {
	if d != 0 {
		w.add(key, d.Milliseconds())
	}
}

// message adds what an event says about a message and its client.
func (w *writer) message(e *relay.Event) {
	w.text("message", string(e.Message))
	w.text("message_id", e.MessageID)
	w.text("listener", e.Listener)
	w.text("client", e.Client)
	w.prose("user", e.User, e)
	if e.Message != "" || e.From != "" {
		w.add("from", w.mask.address(clean(e.From)))
	}
	if e.To != "" {
		w.add("to", w.mask.address(clean(e.To)))
	}
	w.number("others", int64(e.Others))
	w.number("size", e.Size)
}

// attempt adds what an event says about an attempt and its outcome.
func (w *writer) attempt(e *relay.Event) {
	v := &e.Verdict
	w.text("upstream", e.Upstream)
	w.number("attempt", int64(e.Attempt))
	w.number("code", int64(v.Code))
	w.text("enhanced", v.Enhanced)
	w.prose("reply", v.Text, e)
	w.text("remote_id", v.RemoteID)
	w.text("stage", v.Stage.String())
	w.text("class", v.Class.String())
	w.text("scope", v.Scope.String())
	w.text("rule", v.Rule)
	w.text("action", v.Action.String())
	if !e.NextAttempt.IsZero() {
		w.add("next_attempt", e.NextAttempt.UTC().Format(time.RFC3339))
	}
	w.millis("duration_ms", e.Duration)
	w.millis("total_ms", e.Total)
	w.number("incident", e.Incident)
	w.prose("detail", e.Detail, e)
}

// sentence says in a few words what happened.
func (w *writer) sentence(e *relay.Event) string {
	s := sentences[e.Kind]
	if s == "" {
		s = string(e.Kind)
	}
	switch {
	case e.Upstream == "":
		return s
	case e.Kind == relay.EventFailover: // the upstream is the one that it leaves
		return s + ", away from " + clean(e.Upstream)
	default:
		return s + " (" + clean(e.Upstream) + ")"
	}
}

var sentences = map[relay.EventKind]string{
	relay.EventAccepted:       "message accepted",
	relay.EventRejected:       "message refused",
	relay.EventRepaired:       "message repaired",
	relay.EventFiltered:       "message filtered",
	relay.EventAttempt:        "attempt begins",
	relay.EventDelivered:      "delivered",
	relay.EventDeferred:       "deferred",
	relay.EventFailover:       "goes to the next upstream",
	relay.EventBounced:        "bounced",
	relay.EventExpired:        "expired",
	relay.EventHeld:           "held",
	relay.EventReleased:       "released",
	relay.EventDeleted:        "deleted",
	relay.EventRedirected:     "redirected",
	relay.EventInDoubt:        "outcome unknown, it may have been delivered",
	relay.EventUpstreamDown:   "upstream is down",
	relay.EventUpstreamUp:     "upstream is up",
	relay.EventIncidentOpened: "incident opened",
	relay.EventIncidentClosed: "incident closed",
	relay.EventOperator:       "operator",
	relay.EventReloaded:       "configuration reloaded",
}

// levelOf gives the level of a kind of event.
func levelOf(kind relay.EventKind) hclog.Level {
	switch kind {
	case relay.EventIncidentOpened:
		return hclog.Error
	case relay.EventBounced, relay.EventExpired, relay.EventHeld, relay.EventInDoubt,
		relay.EventUpstreamDown, relay.EventRejected:
		return hclog.Warn
	case relay.EventAttempt:
		return hclog.Debug
	}
	return hclog.Info
}
