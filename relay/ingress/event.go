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
func (ln *listener) accepted(tx *transaction, repairs string) {
	e := tx.event(relay.EventAccepted)
	e.To, e.Others, e.Size = tx.to[0].Address, len(tx.to)-1, tx.message.Size
	ln.srv.Sink.Emit(e)
	if repairs != "" {
		e.Kind, e.Detail = relay.EventRepaired, repairs
		ln.srv.Sink.Emit(e)
	}
	for _, e := range tx.told() {
		ln.srv.Sink.Emit(e)
	}
}

// event is the begin of an event about the message.
func (tx *transaction) event(kind relay.EventKind) relay.Event {
	m := &tx.message
	return relay.Event{
		Kind: kind, At: m.ReceivedAt, Message: m.ID, MessageID: m.MessageID,
		Listener: m.Listener, Client: m.Client, User: m.User, From: m.From,
	}
}

// told are the events of what routes and filters did with the message.
func (tx *transaction) told() []relay.Event {
	var events []relay.Event
	for _, n := range tx.notes {
		e := tx.event(n.kind)
		e.To, e.Detail, e.Incident = n.to, n.detail, n.incident
		events = append(events, e)
	}
	return events
}

// repairs says in words what was repaired in a message, "" for nothing.
func repairs(lines int, inserted bool) string {
	var done []string
	if lines > 0 {
		done = append(done, fmt.Sprintf("%d line ends made CRLF", lines))
	}
	if inserted {
		done = append(done, "an empty line put in after the header")
	}
	return strings.Join(done, ", ")
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
