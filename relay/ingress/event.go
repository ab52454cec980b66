package ingress

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/time/rate"

	"relaykeep/relay"
)

// Refusals are told at this rate, per listener: an abuser chooses how many
// there are.
const (
	rejectedPerSecond = 20
	rejectedBurst     = 100
	maxPrinted        = 320 // bytes of what a client said, in an event
)

// refusals bounds the events of refusals, and counts those that are not told.
type refusals struct {
	limiter *rate.Limiter

	mu     sync.Mutex
	untold int
}

// tell reports whether one more may be told, and how many were not since the
// last one that was.
func (r *refusals) tell(now time.Time) (untold int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limiter == nil {
		r.limiter = rate.NewLimiter(rejectedPerSecond, rejectedBurst)
	}
	if !r.limiter.AllowN(now, 1) {
		r.untold++
		return 0, false
	}
	untold, r.untold = r.untold, 0
	return untold, true
}

// emitRejected tells of a refusal; e holds what the session knows of it.
func (ln *listener) emitRejected(e relay.Event) {
	if count := ln.srv.Rejected; count != nil {
		count(ln.opts.Name, e.Verdict.Code)
	}
	now := time.Now()
	untold, ok := ln.refusals.tell(now)
	if !ok {
		return
	}
	e.Kind, e.At, e.Listener = relay.EventRejected, now, ln.opts.Name
	if untold > 0 {
		e.Detail = fmt.Sprintf("%d earlier refusals were not told", untold)
	}
	ln.srv.Sink.Emit(e)
}

// rejected tells of a client that may not come in.
func (ln *listener) rejected(c client, r *smtp.SMTPError) {
	ln.emitRejected(relay.Event{Client: c.String(), Verdict: verdictOf(relay.StageGreeting, r)})
}

// accepted tells of a message that is in the spool, of what was repaired, and
// of what routes and filters did with it.
func (ln *listener) accepted(in *intake) {
	e := in.accepted()
	e.Detail = in.tx.message.Repaired
	if d := in.storing.Dedupe; d != nil && d.Before != "" {
		e.Detail = join(e.Detail, "another message than "+string(d.Before)+", which came under the same key before")
	}
	ln.srv.Sink.Emit(e)
	for _, e := range in.storing.Events {
		ln.srv.Sink.Emit(e)
	}
	ln.srv.repairs.count(&in.tx.message, in.repairs)
}

// duplicate tells of a message that is in the spool already, or was.
func (ln *listener) duplicate(in *intake) {
	e := in.accepted()
	e.Message = in.storing.Dedupe.Before
	e.Detail = "came before under the same key; nothing new was queued"
	ln.srv.Sink.Emit(e)
}

// accepted is the event of a message that was acknowledged.
func (in *intake) accepted() relay.Event {
	e := in.tx.event(relay.EventAccepted)
	e.To, e.Others, e.Size = in.tx.to[0].Address, len(in.tx.to)-1, in.tx.message.Size
	return e
}

// join puts what there is to tell into one line.
func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// event is the begin of an event about the message.
func (tx *transaction) event(kind relay.EventKind) relay.Event {
	m := &tx.message
	return relay.Event{
		Kind: kind, At: m.ReceivedAt, Message: m.ID, MessageID: m.MessageID,
		Listener: m.Listener, Client: m.Client, User: m.User, From: m.From,
	}
}

// told are the events that are stored with the message: what was repaired, and
// what routes and filters did with it.
func (tx *transaction) told() []relay.Event {
	var events []relay.Event
	if tx.message.Repaired != "" {
		e := tx.event(relay.EventRepaired)
		e.Detail = tx.message.Repaired
		events = append(events, e)
	}
	for _, n := range tx.notes {
		e := tx.event(n.kind)
		e.To, e.Detail, e.Incident = n.to, n.detail, n.incident
		events = append(events, e)
	}
	return events
}

// verdictOf is our own refusal as events carry it.
func verdictOf(stage relay.Stage, r *smtp.SMTPError) relay.Verdict {
	v := relay.Verdict{Class: relay.ClassRejected, Stage: stage, Code: r.Code, Enhanced: enhanced(r), Text: r.Message}
	if r.Code < 500 {
		v.Class = relay.ClassDeferred
	}
	return v
}

// printable escapes control characters in what a client said, and bounds it.
func printable(s string) string {
	if len(s) > maxPrinted {
		s = s[:maxPrinted]
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
