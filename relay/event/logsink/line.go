package logsink

import (
	"io"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
)

// maxHeld is how many bytes of lines are held back for those that follow.
const maxHeld = 32 << 10

// writer makes lines of events. One goroutine uses it.
type writer struct {
	log    hclog.Logger // decides which levels are written, and writes all but JSON
	out    io.Writer    // of JSON; nil: log writes the lines
	mask   masker
	fields []field // of the line at hand: kept for its memory
	args   []any   // the same, for log
	held   []byte  // lines for out
}

// write logs one event. Where more follow at once, their lines may go out
// together.
func (w *writer) write(e relay.Event, more bool) {
	if level := levelOf(e.Kind); level >= w.log.GetLevel() {
		w.gather(&e)
		w.line(level, w.sentence(&e))
	}
	if !more || len(w.held) >= maxHeld {
		w.flush()
	}
}

// gather fills w.fields.
func (w *writer) gather(e *relay.Event) {
	clear(w.fields)
	w.fields = w.fields[:0]
	// The event's own time, not that of its writing: hclog lets a field stand
	// for its own.
	w.add("@timestamp", e.At.UTC().Format(hclog.TimeFormatJSON))
	w.add("event", string(e.Kind))
	w.message(e)
	w.attempt(e)
}

// line writes what was gathered.
func (w *writer) line(level hclog.Level, sentence string) {
	if w.out != nil {
		w.held = appendLine(w.held, level, sentence, w.fields)
		return
	}
	w.args = w.args[:0]
	for i := range w.fields {
		w.args = append(w.args, w.fields[i].key, w.fields[i].value())
	}
	w.log.Log(level, sentence, w.args...)
	clear(w.args)
}

// flush writes the lines that were held back.
func (w *writer) flush() {
	if len(w.held) == 0 {
		return
	}
	_, _ = w.out.Write(w.held) // nobody could be told
	w.held = w.held[:0]
}

// lost logs how many events were dropped.
func (w *writer) lost(n uint64) {
	w.flush()
	w.log.Warn("log lines were dropped: the log reader was too slow", "lost", n)
}

func (w *writer) add(key, value string) { w.fields = append(w.fields, field{key: key, text: value}) }

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
		w.fields = append(w.fields, field{key: key, number: n, numeric: true})
	}
}

// millis adds a duration that is not zero in milliseconds.
func (w *writer) millis(key string, d time.Duration) {
	if d != 0 {
		w.fields = append(w.fields, field{key: key, number: d.Milliseconds(), numeric: true})
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
