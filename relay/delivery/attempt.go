package delivery

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream"
)

// attempt is one delivery on its way: from the claim to the settlement. It is
// the upstream.Handover of the transport, and the relay.Body that is read, so
// that a damaged one is noticed here, whatever the transport makes of it.
type attempt struct {
	s *Scheduler
	d *spool.Delivery
	l *lane

	by      *course  // what it began under
	prepare Preparer // nil: the mail goes as it is stored

	started time.Time
	ended   time.Time

	asked    []int // the places among d.Recipients of those that were asked
	to       []relay.Recipient
	marked   []bool // by place in to: the final dot may have been sent
	verdicts []relay.Verdict
	blamed   []bool    // by place in to: the verdict is the message's own fault
	outcomes []outcome // by place in d.Recipients
	found    shape     // that the upstream wants, where split says so
	split    bool      // it wants smaller transactions
	panicked string

	made    *relay.Signature // by this attempt; nil: none, or it is kept already
	body    relay.Body
	mu      sync.Mutex
	bodyErr error
}

// carry makes the attempt: after it there is a verdict for each of a.to, or
// the reason why not.
func (a *attempt) carry(t upstream.Transport) {
	a.started = time.Now()
	a.ended = a.started
	a.outcomes = make([]outcome, len(a.d.Recipients))
	a.sort()
	if len(a.to) == 0 {
		return
	}
	a.body = a.s.Spool.Body(a.d.Message)
	a.deliver(t)
	a.found, a.split = split(a.verdicts, a.to)
	a.ended = time.Now()
}

// sort finds those that are to be asked. The fate of the others is decided
// without an attempt: an operator wants something else of them (see
// spool.Delivery.Intents), their time is over, their route is gone, or their
// sender is refused here.
func (a *attempt) sort() {
	all, admitted := a.d.Recipients, a.l.senders.admit(a.sender(), a.started)
	for i := range all {
		_, routed := a.by.routes[all[i].Route]
		switch {
		case a.s.Intend != nil && a.d.Intended(i):
			a.outcomes[i] = outcome{to: all[i], idle: true}
		case isPast(all[i], a.started):
			a.outcomes[i] = lapse(all[i], a.started)
		case !routed:
			a.outcomes[i] = a.s.reassign(a.d.Message, all[i], a.started)
		case !admitted:
			a.outcomes[i] = a.passOver(all[i])
		default:
			a.asked = append(a.asked, i)
		}
	}
	if a.to = all; len(a.asked) == len(all) {
		return
	}
	a.to = make([]relay.Recipient, 0, len(a.asked))
	for _, i := range a.asked {
		a.to = append(a.to, all[i])
	}
}

// passOver decides on r, whose sender this upstream refuses.
func (a *attempt) passOver(r relay.Recipient) (o outcome) {
	sc := a.by.sceneOf(a.l.Name, a.sender(), a.d.Message, r, a.started, a.s.Random())
	defer func() {
		if p := recover(); p != nil { // in a retry policy
			o = broken(r, sc, false, panicText(p))
			o.idle = true
		}
	}()
	return sc.passOver(r)
}

// deliver calls the transport. A panic in it, or an answer that breaks its
// contract, leaves no verdicts.
func (a *attempt) deliver(t upstream.Transport) {
	defer func() {
		if p := recover(); p != nil {
			a.verdicts, a.panicked = nil, panicText(p)
		}
	}()
	verdicts := t.Deliver(a.s.attempts, a.d.Message, a.to, a)
	if len(verdicts) != len(a.to) {
		a.panicked = fmt.Sprintf("%d verdicts for %d recipients", len(verdicts), len(a.to))
		return
	}
	a.verdicts = verdicts
}

// Mark implements upstream.Handover.
func (a *attempt) Mark(accepted []int) (wait func() error) {
	marked := make([]bool, len(a.to))
	for _, i := range accepted {
		marked[i] = true
	}
	a.marked = marked
	if len(a.to) == len(a.d.Recipients) {
		return a.s.Spool.Mark(a.d, accepted, a.made)
	}
	places := make([]int, len(accepted))
	for i, at := range accepted {
		places[i] = a.asked[at]
	}
	return a.s.Spool.Mark(a.d, places, a.made)
}

// Open implements relay.Body.
func (a *attempt) Open() (io.ReadCloser, error) {
	r, err := a.body.Open()
	if err != nil {
		a.noteBody(err)
		return nil, err
	}
	return &bodyReader{r, a}, nil
}

// Size implements relay.Body.
func (a *attempt) Size() int64 { return a.body.Size() }

func (a *attempt) noteBody(err error) {
	if err == io.EOF || errors.Is(err, spool.ErrFailed) || errors.Is(err, spool.ErrClosed) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bodyErr == nil {
		a.bodyErr = err
	}
}

// bodyError says why the body could not be read; nil if it could.
func (a *attempt) bodyError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bodyErr
}

// bodyReader notes why a read failed.
type bodyReader struct {
	io.ReadCloser
	a *attempt
}

func (r *bodyReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil {
		r.a.noteBody(err)
	}
	return n, err
}

// finding is what the attempt tells about the upstream: nothing when the fault
// is ours.
func (a *attempt) finding() finding {
	if a.panicked != "" || a.bodyError() != nil {
		return finding{}
	}
	return judge(a.verdicts)
}

// noteBlame notes which verdicts are the message's own fault, by what was known
// before it.
func (a *attempt) noteBlame() {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	if len(a.l.suspects) == 0 {
		return
	}
	a.blamed = make([]bool, len(a.verdicts))
	for i := range a.verdicts {
		a.blamed[i] = a.l.suspects.blamed(a.d.Message.ID, a.sender(), a.verdicts[i])
	}
}

// isBlamed reports whether the verdict at a place is the message's own fault.
func (a *attempt) isBlamed(place int) bool { return place < len(a.blamed) && a.blamed[place] }

// blamesItself reports whether every verdict that would close the lane is the
// message's own fault.
func (a *attempt) blamesItself() bool {
	for i := range a.verdicts {
		if opensAtOnce(a.verdicts[i]) && !a.isBlamed(i) {
			return false
		}
	}
	return true
}

// delivered reports whether the upstream took the message for somebody.
func (a *attempt) delivered() bool {
	return slices.ContainsFunc(a.verdicts, func(v relay.Verdict) bool { return v.Class == relay.ClassDelivered })
}

// panicText says what went wrong and where, for an incident.
func panicText(p any) string {
	const most = 2048
	text := fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
	if len(text) > most {
		text = text[:most]
	}
	return text
}
