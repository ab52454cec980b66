package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
)

// line is one line of a daemon's log, decoded; nil for one that is no JSON.
type line map[string]any

func (l line) text(key string) string { s, _ := l[key].(string); return s }

// is reports whether the line tells an event of a message.
func (l line) is(event, message string) bool {
	return l.text("event") == event && l.text("message") == message
}

// logbook keeps what a daemon writes on standard error.
type logbook struct {
	mu      sync.Mutex
	changed *sync.Cond
	raw     []string
	lines   []line
	ended   bool
}

func newLogbook() *logbook {
	b := &logbook{}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// readFrom takes in lines until r ends.
func (b *logbook) readFrom(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var l line
		if json.Unmarshal(s.Bytes(), &l) != nil {
			l = nil
		}
		b.mu.Lock()
		b.raw = append(b.raw, s.Text())
		b.lines = append(b.lines, l)
		b.changed.Broadcast()
		b.mu.Unlock()
	}
	io.Copy(io.Discard, r)
}

// close says that no line will come any more.
func (b *logbook) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.changed.Broadcast()
}

// wait gives the first line that is wanted, be it there or still to come; false
// means that it will not come, or that ctx has ended.
func (b *logbook) wait(ctx context.Context, wanted func(line) bool) (line, bool) {
	stop := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changed.Broadcast()
	})
	defer stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for seen := 0; ; b.changed.Wait() {
		for ; seen < len(b.lines); seen++ {
			if wanted(b.lines[seen]) {
				return b.lines[seen], true
			}
		}
		if b.ended || ctx.Err() != nil {
			return nil, false
		}
	}
}

// event waits for an event of a message.
func (b *logbook) event(ctx context.Context, event, message string) (line, bool) {
	return b.wait(ctx, func(l line) bool { return l.is(event, message) })
}

// all gives the lines so far that are wanted.
func (b *logbook) all(wanted func(line) bool) (found []line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lines {
		if wanted(l) {
			found = append(found, l)
		}
	}
	return found
}

// plain gives the lines so far that are no JSON: what is said to people.
func (b *logbook) plain() (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, l := range b.lines {
		if l == nil {
			found = append(found, b.raw[i])
		}
	}
	return found
}

// tail gives the last lines.
func (b *logbook) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.raw[max(0, len(b.raw)-n):], "\n")
}

// holds reports whether some line has the text in it, as it was written.
func (b *logbook) holds(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.raw, func(l string) bool { return strings.Contains(l, text) })
}
