package filter

import (
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// tellAgain is how long a trouble that goes on, or comes again, is not told
// again.
const tellAgain = time.Minute

// trouble tells of a filter's trouble: when it begins, and now and then, but
// not for every message.
type trouble struct {
	log hclog.Logger

	mu    sync.Mutex
	told  time.Time // the last time
	on    bool      // it was told, and nothing has got an answer since
	count int       // messages that were not told of
}

// tell notes that a message met the trouble; passed says what became of it.
func (t *trouble) tell(now time.Time, reason string, passed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	if !t.told.IsZero() && now.Sub(t.told) < tellAgain {
		return
	}
	fate := "refused for now"
	if passed {
		fate = "let pass unseen"
	}
	t.log.Warn("a content filter is in trouble", "reason", reason, "mail", fate, "messages", t.count)
	t.told, t.on, t.count = now, true, 0
}

// over notes that a message got an answer.
func (t *trouble) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		return
	}
	t.log.Info("a content filter answers again", "messages", t.count)
	t.on, t.count = false, 0
}
