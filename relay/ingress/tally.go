package ingress

import (
	"slices"
	"sync"
	"time"

	"relaykeep/relay"
)

// maxTallied bounds the clients of which repairs are counted; the one that was
// seen least of late makes room for a new one.
const maxTallied = 1000

// RepairCount says how often something was mended in the mail of a client, so
// that the owner of the app can be shown what to mend there.
type RepairCount struct {
	Client   string // as in relay.Message
	User     string
	What     string // in words
	Messages int64  // since the start
	Last     relay.ID
	LastAt   time.Time
}

// tally counts repairs by client, in memory. The zero value is ready.
type tally struct {
	mu      sync.Mutex
	clients map[sender]map[string]*RepairCount // by what was mended
}

// sender is who sends mail.
type sender struct{ client, user string }

func (t *tally) count(m *relay.Message, repairs []repair) {
	if len(repairs) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	who := sender{m.Client, m.User}
	counts := t.clients[who]
	if counts == nil {
		counts = t.admit(who)
	}
	for _, r := range repairs {
		c := counts[r.what]
		if c == nil {
			c = &RepairCount{Client: m.Client, User: m.User, What: r.what}
			counts[r.what] = c
		}
		c.Messages++
		c.Last, c.LastAt = m.ID, m.ReceivedAt
	}
}

func (t *tally) admit(who sender) map[string]*RepairCount {
	if t.clients == nil {
		t.clients = make(map[sender]map[string]*RepairCount)
	}
	if len(t.clients) >= maxTallied {
		t.forget()
	}
	counts := make(map[string]*RepairCount)
	t.clients[who] = counts
	return counts
}

// forget drops the client that was seen least of late.
func (t *tally) forget() {
	var oldest sender
	var at time.Time
	for who, counts := range t.clients {
		last := time.Time{}
		for _, c := range counts {
			if c.LastAt.After(last) {
				last = c.LastAt
			}
		}
		if at.IsZero() || last.Before(at) {
			oldest, at = who, last
		}
	}
	delete(t.clients, oldest)
}

// Repairs gives what was mended since the start, for each client by itself, the
// latest first.
func (s *Server) Repairs() []RepairCount {
	t := &s.repairs
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []RepairCount
	for _, counts := range t.clients {
		for _, c := range counts {
			all = append(all, *c)
		}
	}
	slices.SortFunc(all, func(a, b RepairCount) int {
		if c := b.LastAt.Compare(a.LastAt); c != 0 {
			return c
		}
		return compareNames(a, b)
	})
	return all
}

func compareNames(a, b RepairCount) int {
	return slices.Compare([]string{a.Client, a.User, a.What}, []string{b.Client, b.User, b.What})
}
