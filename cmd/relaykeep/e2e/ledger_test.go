package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"sync"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/upstreamtest"
)

// ledger holds both ends of the story: what was answered with 250, and what the
// providers took.
type ledger struct {
	mu     sync.Mutex
	next   int
	sent   map[string][sha256.Size]byte // by token, whether or not acknowledged
	acked  map[relay.ID][]string        // the recipients
	copies map[place]int
	wrong  []string
}

// place is one recipient of a message.
type place struct {
	id relay.ID
	to string
}

func newLedger() *ledger {
	return &ledger{
		sent:   make(map[string][sha256.Size]byte),
		acked:  make(map[relay.ID][]string),
		copies: make(map[place]int),
	}
}

// compose makes a message that is known again at the other end. Its sender is
// its own, so that a bounce is, too.
func (l *ledger) compose(to []string, content []byte) mail {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	token := fmt.Sprintf("token-%d", l.next)
	body := []byte("X-Ledger: " + token + "\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n" +
		"From: <sender@example.org>\r\nMessage-ID: <" + token + "@example.org>\r\n\r\n")
	body = append(body, content...)
	l.sent[token] = sha256.Sum256(body)
	return mail{from: token + "@example.org", to: to, body: body}
}

// accepted notes a 250.
func (l *ledger) accepted(id relay.ID, to []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, twice := l.acked[id]; twice {
		l.complain("%s was given to two messages", id)
	}
	l.acked[id] = to
}

func (l *ledger) complain(format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// traceID finds the spool id in a Received field of ours.
var traceID = regexp.MustCompile(`\r\n\tid ([0-9A-Z]{26})`)

// untrace takes our Received field off a message.
func untrace(message []byte) (id relay.ID, rest []byte, err error) {
	if !bytes.HasPrefix(message, []byte("Received: ")) {
		return "", nil, fmt.Errorf("no Received field is at the top of %.60q", message)
	}
	end := 0
	for { // a line that begins with a blank goes on with the field
		n := bytes.Index(message[end:], []byte("\r\n"))
		if n < 0 {
			return "", nil, fmt.Errorf("the Received field does not end: %.200q", message)
		}
		end += n + 2
		if end == len(message) || message[end] != ' ' && message[end] != '\t' {
			break
		}
	}
	found := traceID.FindSubmatch(message[:end])
	if found == nil {
		return "", nil, fmt.Errorf("no id is in the Received field %q", message[:end])
	}
	return relay.ID(found[1]), message[end:], nil
}

// took notes what a provider has accepted.
func (l *ledger) took(provider string, messages []upstreamtest.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range messages {
		if m.From == "" {
			continue // a bounce: see checkBounces
		}
		id, body, err := untrace(m.Body)
		if err != nil {
			l.complain("%s: %v", provider, err)
			continue
		}
		token, _, _ := bytes.Cut(bytes.TrimPrefix(body, []byte("X-Ledger: ")), []byte("\r\n"))
		if sum, known := l.sent[string(token)]; !known || sum != sha256.Sum256(body) {
			l.complain("%s: the body of %s is not what was sent", provider, id)
		}
		for _, to := range m.To {
			l.copies[place{id, to.Address}]++
		}
	}
}

// check compares both ends with the spool of a node whose process has ended.
func (l *ledger) check(n *node) {
	n.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	n.inspect(func(store *bolt.Store) {
		entries := everything(n.t, store)
		states, notices := l.checkAcked(entries), l.checkBounces(entries)
		second := l.checkCopies(n.t, store)
		n.t.Logf("%d messages acknowledged, recipients: %v; %d bounces; %d second copies", len(l.acked), states, notices, second)
	})
	const most = 20
	for _, w := range l.wrong[:min(most, len(l.wrong))] {
		n.t.Error(w)
	}
	if more := len(l.wrong) - most; more > 0 {
		n.t.Errorf("and %d more", more)
	}
}

// checkAcked finds every recipient that was acknowledged in the spool, and one
// that is delivered at a provider, too. It counts them by state.
func (l *ledger) checkAcked(entries []spool.Entry) map[relay.State]int {
	kept := make(map[place]relay.State)
	for _, e := range entries {
		for _, r := range e.Recipients {
			kept[place{e.Message.ID, r.Address}] = r.State
		}
	}
	states := make(map[relay.State]int)
	for id, recipients := range l.acked {
		for _, to := range recipients {
			state, known := kept[place{id, to}]
			states[state]++
			switch {
			case !known:
				l.complain("lost: %s to %s was acknowledged and is not in the spool", id, to)
			case state == relay.Delivered && l.copies[place{id, to}] == 0, state == relay.Deleted:
				l.complain("lost: %s to %s is %s, and no provider has it", id, to, state)
			}
		}
	}
	return states
}

// checkCopies wants a record of doubt for each second copy. It counts them.
func (l *ledger) checkCopies(t *testing.T, store *bolt.Store) (second int) {
	t.Helper()
	for p, copies := range l.copies {
		if copies == 1 {
			continue
		}
		second += copies - 1
		if doubts := inDoubt(t, store, p); doubts < copies-1 {
			l.complain("%d copies of %s to %s, and in doubt %d times only", copies, p.id, p.to, doubts)
		}
	}
	return second
}

// inDoubt counts the records that say that an outcome was unknown.
func inDoubt(t *testing.T, store *bolt.Store, p place) (times int) {
	t.Helper()
	e, err := store.Get(context.Background(), p.id)
	if err != nil {
		t.Errorf("%s: %v", p.id, err)
	}
	for _, event := range e.Events {
		if event.Kind == relay.EventInDoubt && event.To == p.to {
			times++
		}
	}
	return times
}

// awaitEnd waits until the log of a daemon has told the end, or the hold, of
// every recipient that was unfinished before it was started.
func awaitEnd(p *process, before []spool.Entry) {
	p.t.Helper()
	open := make(map[place]bool)
	for _, e := range before {
		for _, r := range e.Recipients {
			if !r.State.Finished() && r.State != relay.Held {
				open[place{e.Message.ID, r.Address}] = true
			}
		}
	}
	if len(open) == 0 {
		return
	}
	_, ok := p.log.wait(patience(p.t), func(l line) bool {
		switch relay.EventKind(l.text("event")) {
		case relay.EventDelivered, relay.EventBounced, relay.EventExpired, relay.EventHeld:
			delete(open, place{relay.ID(l.text("message")), l.text("to")})
		}
		return len(open) == 0
	})
	if !ok {
		p.t.Fatalf("%d recipients came to no end", len(open))
	}
}
