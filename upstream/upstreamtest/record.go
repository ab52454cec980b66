package upstreamtest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Message is a message that the server accepted.
type Message struct {
	Session int // the number of its connection, from 1
	At      time.Time

	Hello string // the name in the last EHLO or HELO
	User  string // who logged in; "" for nobody
	TLS   bool

	From   string   // what stood between the angle brackets
	Params []string // of MAIL, as they came: "SIZE=12", "BODY=8BITMIME"
	To     []Recipient

	Size int64  // of the content, not dot-stuffed
	Body []byte // the content, not dot-stuffed; nil with Options.Light
}

// Recipient is one accepted RCPT.
type Recipient struct {
	Address string
	Params  []string
}

// Command is a line that a client sent as a command, or as a part of a login.
type Command struct {
	Session int
	TLS     bool
	Line    string // without CRLF
}

// record is all that a server remembers.
type record struct {
	mu       sync.Mutex
	changed  *sync.Cond
	messages []Message
	commands []Command
	reached  map[Stage]int
	opened   int
	closed   int
}

func newRecord() *record {
	r := &record{reached: make(map[Stage]int)}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// change runs f alone and wakes who waits.
func (r *record) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	r.changed.Broadcast()
}

// wait blocks until ok, which runs under the lock, or until ctx ends.
func (r *record) wait(ctx context.Context, ok func() bool) error {
	stop := context.AfterFunc(ctx, func() { r.change(func() {}) })
	defer stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !ok() {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.changed.Wait()
	}
	return nil
}

// Messages returns what was accepted so far, in order of acceptance. The
// bodies are shared: do not change them.
func (s *Server) Messages() []Message {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return slices.Clone(s.rec.messages)
}

// WaitMessages waits until n messages have been accepted since the start, and
// returns all that there are. It fails only when ctx ends.
func (s *Server) WaitMessages(ctx context.Context, n int) ([]Message, error) {
	err := s.rec.wait(ctx, func() bool { return len(s.rec.messages) >= n })
	return s.Messages(), err
}

// WaitStage waits until a stage has been reached n times since the start.
func (s *Server) WaitStage(ctx context.Context, stage Stage, n int) error {
	return s.rec.wait(ctx, func() bool { return s.rec.reached[stage] >= n })
}

// WaitClosed waits until n connections have ended since the start.
func (s *Server) WaitClosed(ctx context.Context, n int) error {
	return s.rec.wait(ctx, func() bool { return s.rec.closed >= n })
}

// Sessions is how many connections were accepted so far.
func (s *Server) Sessions() int {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return s.rec.opened
}

// Commands returns the command lines received so far, in order of arrival,
// those of a login included; none with Options.Light.
func (s *Server) Commands() []Command {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return slices.Clone(s.rec.commands)
}

// Reached is how often a stage has been reached since the start.
func (s *Server) Reached(stage Stage) int {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return s.rec.reached[stage]
}
